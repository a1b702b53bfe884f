'use strict';
// The browser's half of the tests. peer(i).method(...) is called from Go; what
// a method returns or resolves to must be JSON. Waiting methods reject after a
// time, naming what they saw.

const peers = [];
const newPeer = () => peers.push(new Peer()) - 1;
const peer = i => peers[i];
const hex = buffer => Array.from(new Uint8Array(buffer), b => b.toString(16).padStart(2, '0')).join('');

class Peer {
  log = [];         // every state and event, in order
  channels = {};    // by label
  candidates = [];  // not fetched by Go yet; null ends them
  wake = [];        // resolvers of those who wait for a change

  constructor(config) {
    const pc = this.pc = new RTCPeerConnection(config);
    const note = what => this.note(what);
    pc.onsignalingstatechange = () => note('signaling ' + pc.signalingState);
    pc.onicegatheringstatechange = () => note('gathering ' + pc.iceGatheringState);
    pc.oniceconnectionstatechange = () => note('ice ' + pc.iceConnectionState);
    pc.onconnectionstatechange = () => note('connection ' + pc.connectionState);
    pc.onicecandidate = e => { this.candidates.push(e.candidate && e.candidate.candidate ? e.candidate.toJSON() : null); this.changed(); };
    pc.ondatachannel = e => { note('datachannel ' + e.channel.label); this.adopt(e.channel); };
  }

  note(what) { this.log.push(what); this.changed(); }
  changed() { for (const resolve of this.wake.splice(0)) resolve(); }

  async until(what, condition, timeout = 60000) {
    const end = performance.now() + timeout;
    for (;;) {
      const value = condition();
      if (value) return value;
      if (performance.now() > end) throw new Error(`timeout waiting for ${what}; ${await this.summary()}; log: ${this.log.join(', ')}`);
      await new Promise(resolve => { this.wake.push(resolve); setTimeout(resolve, 100); });
    }
  }

  // summary is the state of the channels and of what is below them.
  async summary() {
    const channels = Object.entries(this.channels).map(([label, { dc }]) => `${label} ${dc.readyState} ${dc.bufferedAmount} B`);
    const stats = [...(await this.pc.getStats()).values()].filter(s => ['transport', 'data-channel'].includes(s.type) || s.nominated);
    return `channels: ${channels.join(', ')}; stats: ${JSON.stringify(stats)}`;
  }

  // ---- signalling ----
  async offer() { await this.pc.setLocalDescription(await this.pc.createOffer()); return this.pc.localDescription.sdp; }
  async answer(sdp) {
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    return this.pc.localDescription.sdp;
  }
  async accept(sdp) { await this.pc.setRemoteDescription({ type: 'answer', sdp }); return true; }
  async gathered() {
    await this.until('gathering', () => this.pc.iceGatheringState === 'complete');
    return this.pc.localDescription.sdp;
  }
  async nextCandidates() { await this.until('candidates', () => this.candidates.length); return this.candidates.splice(0); }
  takeCandidates() { return this.candidates.splice(0).filter(c => c); }
  async addCandidate(candidate) { await this.pc.addIceCandidate(candidate); return true; }
  restartIce() { this.pc.restartIce(); return true; }
  state() { return this.pc.connectionState; }
  waitState(...states) { return this.until(states.join(' or '), () => states.includes(this.pc.connectionState) && this.pc.connectionState); }
  close() { this.pc.close(); return true; }
  events() { return this.log; }

  // each calls a method with each of a list of arguments, all at once.
  each(method, calls) { return Promise.all(calls.map(args => this[method](...args))); }

  // ---- channels ----
  createChannel(label, init) { this.adopt(this.pc.createDataChannel(label, init)); return true; }
  adopt(dc) {
    dc.binaryType = 'arraybuffer';
    const channel = this.channels[dc.label] = { dc, received: [], lows: 0 };
    const note = what => { this.log.push(`channel ${dc.label} ${what}`); this.changed(); };
    dc.onopen = () => note('open');
    dc.onclosing = () => note('closing');
    dc.onclose = () => note('close');
    dc.onerror = e => note('error ' + e.error.message);
    dc.onbufferedamountlow = () => { channel.lows++; channel.lowAt = dc.bufferedAmount; this.changed(); };
    dc.onmessage = e => {
      if (channel.echo) return dc.send(e.data);
      channel.received.push(fingerprint(e.data)); // a promise: keeps the order of arrival
      this.changed();
    };
  }
  async waitChannel(label, state) {
    await this.until(`channel ${label} ${state}`, () => this.channels[label]?.dc.readyState === state);
    const { id, ordered, protocol, maxRetransmits, maxPacketLifeTime, negotiated } = this.channels[label].dc;
    return { label, id, ordered, protocol, maxRetransmits, maxPacketLifeTime, negotiated };
  }
  echo(label) { this.channels[label].echo = true; return true; }
  closeChannel(label) { this.channels[label].dc.close(); return true; }
  async received(label, n) {
    const channel = this.channels[label];
    await this.until(`${n} messages on ${label}`, () => channel.received.length >= n, 150000)
      .catch(e => { throw new Error(`${e.message}; ${channel.received.length} of ${n} came`); });
    return Promise.all(channel.received);
  }

  // send sends one message for each [kind, size] of plan and resolves to their fingerprints.
  async send(label, plan) {
    const { dc } = this.channels[label], prints = [];
    dc.bufferedAmountLowThreshold = 1 << 20;
    for (const [index, [kind, size]] of plan.entries()) {
      const message = kind === 't' ? text(index, size) : bytes(index, size);
      prints.push(await fingerprint(message));
      dc.send(message);
      if (dc.bufferedAmount > 4 << 20) await this.until('room', () => dc.bufferedAmount <= 1 << 20);
    }
    return prints;
  }

  // fill queues size bytes at once and waits for the event that tells of room.
  async fill(label, size, threshold) {
    const channel = this.channels[label], { dc } = channel;
    dc.bufferedAmountLowThreshold = threshold;
    channel.lows = 0;
    for (let left = size; left > 0; left -= 65536) dc.send(new Uint8Array(Math.min(left, 65536)));
    const queued = dc.bufferedAmount;
    await this.until('bufferedamountlow', () => channel.lows);
    return { queued, low: channel.lowAt };
  }
}

// fingerprint is the message's kind, then the SHA-256 of its bytes.
async function fingerprint(data) {
  const isText = typeof data === 'string';
  return (isText ? 't ' : 'b ') + hex(await crypto.subtle.digest('SHA-256', isText ? new TextEncoder().encode(data) : data));
}
function bytes(seed, size) {
  const words = new Uint32Array((size + 3) >> 2);
  let x = (seed + 1) * 2654435761 >>> 0;
  for (let i = 0; i < words.length; i++) { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; words[i] = x; }
  return new Uint8Array(words.buffer, 0, size);
}
// text has exactly size bytes in UTF-8, among them characters of one to four.
function text(seed, size) {
  const unit = '\u00e9\u6a4b\u{1f309}' + seed % 10; // 2 + 3 + 4 + 1 bytes
  return unit.repeat(Math.floor(size / 10)) + 'x'.repeat(size % 10);
}
