// The loop of a peer program: calls come in on standard input, answers go out on
// standard output, a JSON object a line. It ends with its input.
import fs from 'node:fs';
import readline from 'node:readline';

// versionOf is the version of an installed package.
export function versionOf(name) {
  return JSON.parse(fs.readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}

export function serve(version, newPeer) {
  const peers = [];
  const say = message => process.stdout.write(JSON.stringify(message) + '\n');
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', async line => {
    const { id, peer, method, args } = JSON.parse(line);
    try {
      const result = peer < 0 ? peers.push(newPeer(...args)) - 1 : await peers[peer][method](...args);
      say({ id, result: result ?? null });
    } catch (e) {
      say({ id, error: String(e?.message ?? e) });
    }
  });
  lines.on('close', () => process.exit(0));
  process.on('uncaughtException', e => console.error('uncaught', e));
  process.on('unhandledRejection', e => console.error('unhandled', e));
  say({ version });
}
