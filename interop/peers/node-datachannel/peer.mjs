// libdatachannel in Node, by node-datachannel.
import nd from 'node-datachannel';
import { serve, versionOf } from '../rpc.mjs';
import { Peer, content, fingerprint, streams } from '../peer.mjs';

class DataChannelPeer extends Peer {
  current = 'new';

  constructor(maxMessageSize = 262144) {
    super();
    const pc = this.pc = new nd.PeerConnection('peer', { iceServers: [], disableAutoNegotiation: true, maxMessageSize });
    pc.onStateChange(state => { this.current = state; this.note('connection ' + state); });
    pc.onGatheringStateChange(state => {
      if (state === 'complete') this.candidates.push(null);
      this.note('gathering ' + state);
    });
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
  offer() {
    if (this.media) this.addTracks();
    return this.local('offer');
  }
  answer(sdp) { this.pc.setRemoteDescription(sdp, 'offer'); return this.local('answer'); }
  accept(sdp) { this.pc.setRemoteDescription(sdp, 'answer'); }
  async gathered() {
    await this.until('gathering', () => this.pc.gatheringState() === 'complete');
    return this.pc.localDescription().sdp;
  }
  addCandidate(init) { if (init?.candidate) this.pc.addRemoteCandidate(init.candidate, init.sdpMid ?? '0'); }
  close() { this.hush(); this.pc.close(); }

  // ---- media: libdatachannel has no codecs ----
  addMedia(codec) {
    if (codec !== 'VP8') throw new Error('no ' + codec + ' here');
    this.media = true;
    this.pc.onTrack(track => this.flow(track.type(), track)); // of an offer that is answered
  }
  addTracks() {
    const audio = new nd.Audio('audio', 'SendRecv'), video = new nd.Video('video', 'SendRecv');
    audio.addOpusCodec(streams.audio.payloadType);
    video.addVP8Codec(streams.video.payloadType);
    for (const [kind, media] of Object.entries({ audio, video })) {
      media.addSSRC(streams[kind].ssrc, 'peer', 'stream', kind);
      this.flow(kind, this.pc.addTrack(media));
    }
  }
  flow(kind, track) {
    const { payloadType, ssrc, step, milliseconds, payload } = streams[kind];
    this.tracks = [...this.tracks ?? [], track]; // a track that is collected ends
    track.setMediaHandler(new nd.RtcpReceivingSession());
    track.onMessage(packet => { if ((packet[1] & 127) < 64 || (packet[1] & 127) > 95) this.arrived[kind]++; });
    let n = 0;
    track.onOpen(() => this.every(milliseconds, () => {
      const packet = Buffer.alloc(12 + payload.length);
      packet.writeUInt16BE(0x8080 | payloadType, 0);
      packet.writeUInt16BE(n & 0xffff, 2);
      packet.writeUInt32BE(n++ * step >>> 0, 4);
      packet.writeUInt32BE(ssrc, 8);
      payload.copy(packet, 12);
      if (!track.isClosed()) track.sendMessageBinary(packet);
    }));
  }

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
      await this.until('room', () => channel.bufferedAmount() < 1 << 20, 60000);
    }
    return prints;
  }
}

nd.initLogger('Warning', (level, message) => console.error(level, message));
serve(`node-datachannel ${versionOf('node-datachannel')} (libdatachannel ${nd.getLibraryVersion()})`, size => new DataChannelPeer(size));
