// werift: WebRTC in TypeScript alone.
import { RTCPeerConnection } from 'werift';
import { serve, versionOf } from '../rpc.mjs';
import { Peer, content, fingerprint } from '../peer.mjs';

class WeriftPeer extends Peer {
  constructor() {
    super();
    const pc = this.pc = new RTCPeerConnection({ iceServers: [], iceUseIpv6: false });
    pc.connectionStateChange.subscribe(state => this.note('connection ' + state));
    pc.iceConnectionStateChange.subscribe(state => this.note('ice ' + state));
    pc.iceGatheringStateChange.subscribe(state => this.note('gathering ' + state));
    pc.signalingStateChange.subscribe(state => this.note('signaling ' + state));
    pc.onIceCandidate.subscribe(candidate => {
      this.candidates.push(candidate ? { candidate: candidate.candidate, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex } : null);
      this.changed();
    });
    pc.onDataChannel.subscribe(channel => { this.note('datachannel ' + channel.label); this.adopt(channel); });
  }
  state() { return this.pc.connectionState; }

  // ---- signalling ----
  async offer() { await this.pc.setLocalDescription(await this.pc.createOffer()); return this.pc.localDescription.sdp; }
  async answer(sdp) {
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    return this.pc.localDescription.sdp;
  }
  async accept(sdp) { await this.pc.setRemoteDescription({ type: 'answer', sdp }); }
  async gathered() {
    await this.until('gathering', () => this.pc.iceGatheringState === 'complete');
    return this.pc.localDescription.sdp;
  }
  async addCandidate(init) { await this.pc.addIceCandidate(init); }
  async close() { await this.pc.close(); }

  // ---- channels ----
  createChannel(label, init) { this.adopt(this.pc.createDataChannel(label, init)); }
  adopt(channel) {
    const { label } = channel;
    channel.onMessage.subscribe(this.inbox(label, channel));
    channel.stateChanged.subscribe(state => this.note(`channel ${label} ${state}`));
  }
  async waitChannel(label, state) {
    await this.until(`channel ${label} ${state}`, () => this.channels[label]?.channel.readyState === state);
    const { id, ordered, protocol, maxRetransmits, maxPacketLifeTime, negotiated } = this.channels[label].channel;
    return { label, id, ordered, protocol, maxRetransmits, maxPacketLifeTime, negotiated };
  }
  echo(label) {
    const record = this.channels[label];
    record.reply = data => record.channel.send(data);
  }
  closeChannel(label) { this.channels[label].channel.close(); }
  async send(label, plan) {
    const { channel } = this.channels[label], prints = [];
    for (const [index, entry] of plan.entries()) {
      const message = content(index, entry);
      prints.push(fingerprint(message));
      channel.send(message);
      await this.until('room', () => channel.bufferedAmount < 1 << 20);
    }
    return prints;
  }
}

serve(`werift ${versionOf('werift')}`, () => new WeriftPeer());
