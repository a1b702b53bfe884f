'use strict';
// The page's half of cipher.go: frames of the sender are encrypted and those of
// the receiver decrypted, on this worker, as
//
//   what packets and SFUs need to see | ciphertext and tag of AES-256-GCM | nonce

const tag = 16, nonceLength = 12;
const counts = { encrypted: 0, decrypted: 0, refused: 0 };
setInterval(() => postMessage(counts), 500);

const keys = new Map(); // by passphrase
function keyOf(passphrase) {
  if (!keys.has(passphrase)) keys.set(passphrase, derive(passphrase));
  return keys.get(passphrase);
}
async function derive(passphrase) {
  const text = new TextEncoder();
  const material = await crypto.subtle.importKey('raw', text.encode(passphrase), 'PBKDF2', false, ['deriveKey']);
  return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: text.encode('passerelle e2ee'), iterations: 100000 },
    material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

// inClear is how many bytes are not encrypted: VP8's header, which browsers read,
// or the first byte of Opus. length is that of the frame when it is not encrypted,
// which may be less.
function inClear(frame, length) {
  return Math.min(frame instanceof RTCEncodedVideoFrame ? (frame.type === 'key' ? 10 : 3) : 1, length);
}

async function encrypt(frame, key) {
  const n = inClear(frame, frame.data.byteLength), clear = new Uint8Array(frame.data, 0, n);
  const iv = crypto.getRandomValues(new Uint8Array(nonceLength));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: clear }, key, new Uint8Array(frame.data, n));
  const out = new Uint8Array(n + sealed.byteLength + nonceLength);
  out.set(clear);
  out.set(new Uint8Array(sealed), n);
  out.set(iv, n + sealed.byteLength);
  frame.data = out.buffer;
  counts.encrypted++;
}

async function decrypt(frame, key) {
  const end = frame.data.byteLength - nonceLength;
  if (end < tag) throw new Error('not encrypted');
  const n = inClear(frame, end - tag), clear = new Uint8Array(frame.data, 0, n);
  const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: new Uint8Array(frame.data, end), additionalData: clear }, key,
    new Uint8Array(frame.data, n, end - n));
  const out = new Uint8Array(n + opened.byteLength);
  out.set(clear);
  out.set(new Uint8Array(opened), n);
  frame.data = out.buffer;
  counts.decrypted++;
}

onrtctransform = event => {
  const { readable, writable, options } = event.transformer, transform = options.operation === 'encrypt' ? encrypt : decrypt;
  readable.pipeThrough(new TransformStream({
    async transform(frame, controller) {
      try {
        await transform(frame, await keyOf(options.passphrase));
        controller.enqueue(frame);
      } catch { counts.refused++; } // dropped
    },
  })).pipeTo(writable).catch(() => {}); // the call has ended
};
