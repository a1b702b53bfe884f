// What the peers with an API of their own share: the log of events, waiting for
// a change, and the inboxes of channels. See page/peer.js for the methods.
import crypto from 'node:crypto';

export class Peer {
  log = [];
  channels = {};
  candidates = [];
  wake = [];
  arrived = { audio: 0, video: 0 }; // RTP packets
  timers = [];

  note(what) { this.log.push(what); this.changed(); }
  changed() { for (const resolve of this.wake.splice(0)) resolve(); }

  async until(what, condition, timeout = 60000) {
    const end = performance.now() + timeout;
    for (;;) {
      const value = condition();
      if (value) return value;
      if (performance.now() > end) throw new Error(`timeout waiting for ${what}; log: ${this.log.join(', ')}`);
      await new Promise(resolve => { this.wake.push(resolve); setTimeout(resolve, 100); });
    }
  }

  async nextCandidates() { await this.until('candidates', () => this.candidates.length); return this.candidates.splice(0); }
  waitState(...states) { return this.until(states.join(' or '), () => states.includes(this.state()) && this.state()); }
  events() { return this.log; }

  counts() { return this.arrived; }

  // each calls a method with each of a list of arguments, all at once.
  each(method, calls) { return Promise.all(calls.map(args => this[method](...args))); }

  // every calls send each number of milliseconds until the peer is closed.
  every(milliseconds, send) { this.timers.push(setInterval(send, milliseconds)); }
  hush() { this.timers.forEach(clearInterval); }

  // inbox makes the record of a channel; take is what its message handler calls.
  inbox(label, channel) {
    const record = this.channels[label] = { channel, received: [], reply: null };
    return data => {
      if (record.reply) return record.reply(data);
      record.received.push(fingerprint(data));
      this.changed();
    };
  }
  async received(label, n) {
    const { received } = this.channels[label];
    await this.until(`${n} messages on ${label}`, () => received.length >= n, 150000)
      .catch(e => { throw new Error(`${e.message}; ${received.length} of ${n} came`); });
    return received;
  }
}

// fingerprint is the message's kind, then the SHA-256 of its bytes.
export function fingerprint(data) {
  const text = typeof data === 'string';
  return (text ? 't ' : 'b ') + crypto.createHash('sha256').update(data).digest('hex');
}

// content makes a message of a plan: text has exactly size bytes in UTF-8, among
// them characters of one to four.
export function content(index, [kind, size]) {
  if (kind === 'b') return crypto.randomBytes(size);
  return ('\u00e9\u6a4b\u{1f309}' + index % 10).repeat(Math.floor(size / 10)) + 'x'.repeat(size % 10);
}

// The RTP streams that the peers without codecs send: VP8 frames of one packet,
// whose payload descriptor says the start of a partition (RFC 7741 section 4.2),
// and Opus frames of silence (RFC 6716).
export const streams = {
  audio: { payloadType: 111, ssrc: 11, step: 960, milliseconds: 20, payload: Buffer.from([0xf8, 0xff, 0xfe]) },
  video: { payloadType: 96, ssrc: 22, step: 3000, milliseconds: 33, payload: Buffer.concat([Buffer.from([0x10]), Buffer.alloc(99)]) },
};
