// libdatachannel in Node, by node-datachannel.
import nd from 'node-datachannel';
import { serve, versionOf } from '../rpc.mjs';
import { Peer, content, fingerprint } from '../peer.mjs';

class DataChannelPeer extends Peer {
  current = 'new';

  constructor() {
    super();
    const pc = this.pc = new nd.PeerConnection('peer', { iceServers: [], disableAutoNegotiation: true, maxMessageSize: 262144 });
    pc.onStateChange(state => { this.current = state; this.note('connection ' + state); });
    pc.onGatheringStateChange(state => this.note('gathering ' + state));
    pc.onSignalingStateChange(state => this.note('signaling ' + state));
    pc.onLocalCandidate((candidate, sdpMid) => { this.candidates.push({ candidate: candidate.replace(/^a=/, ''), sdpMid }); this.changed(); });
    pc.onDataChannel(channel => { this.note('datachannel ' + channel.getLabel()); this.adopt(channel); });
  }
  state() { return this.current; }

  // ---- signalling ----
  async local(type) {
    this.pc.setLocalDescription(type);
    return this.until('a local ' + type, () => this.pc.localDescription()?.type === type && this.pc.localDescription().sdp);
  }
  offer() { return this.local('offer'); }
  answer(sdp) { this.pc.setRemoteDescription(sdp, 'offer'); return this.local('answer'); }
  accept(sdp) { this.pc.setRemoteDescription(sdp, 'answer'); }
  async gathered() {
    await this.until('gathering', () => this.pc.gatheringState() === 'complete');
    return this.pc.localDescription().sdp;
  }
  addCandidate(init) { if (init?.candidate) this.pc.addRemoteCandidate(init.candidate, init.sdpMid ?? '0'); }
  close() { this.pc.close(); }

  // ---- channels ----
  createChannel(label, init) {
    const { ordered, ...rest } = init;
    this.adopt(this.pc.createDataChannel(label, ordered === undefined ? rest : { ...rest, unordered: !ordered }));
  }
  adopt(channel) {
    const label = channel.getLabel();
    const take = this.inbox(label, channel); // keeps the object: one that is collected closes
    channel.onMessage(data => take(typeof data === 'string' ? data : Buffer.from(data)));
    channel.onOpen(() => this.note(`channel ${label} open`));
    channel.onClosed(() => this.note(`channel ${label} close`));
    channel.onError(e => this.note(`channel ${label} error ${e}`));
  }
  async waitChannel(label, state) {
    const record = await this.until(`channel ${label}`, () => this.channels[label]);
    await this.until(`channel ${label} ${state}`, () => (record.channel.isOpen() ? 'open' : 'closed') === state);
    return { label, id: state === 'open' ? record.channel.getId() : 0 };
  }
  echo(label) {
    const record = this.channels[label];
    record.reply = data => this.put(record.channel, data);
  }
  put(channel, data) { return typeof data === 'string' ? channel.sendMessage(data) : channel.sendMessageBinary(data); }
  closeChannel(label) { this.channels[label].channel.close(); }
  async send(label, plan) {
    const { channel } = this.channels[label], prints = [];
    for (const [index, entry] of plan.entries()) {
      const message = content(index, entry);
      prints.push(fingerprint(message));
      this.put(channel, message);
      await this.until('room', () => channel.bufferedAmount() < 1 << 20);
    }
    return prints;
  }
}

nd.initLogger('Warning', (level, message) => console.error(level, message));
serve(`node-datachannel ${versionOf('node-datachannel')} (libdatachannel ${nd.getLibraryVersion()})`, () => new DataChannelPeer());
