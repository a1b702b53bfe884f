// werift: WebRTC in TypeScript alone.
import dgram from 'node:dgram';
import { once } from 'node:events';
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import { serve, versionOf } from '../rpc.mjs';
import { Peer, content, fingerprint, streams } from '../peer.mjs';

const codecs = {
  audio: [new RTCRtpCodecParameters({ mimeType: 'audio/opus', clockRate: 48000, channels: 2 })],
  video: [new RTCRtpCodecParameters({ mimeType: 'video/VP8', clockRate: 90000, rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }] })],
};

// Without a STUN server werift asks one of the Internet's. So it gets one here,
// which tells the asker its address (RFC 8489 section 14.2).
const server = dgram.createSocket('udp4', (request, { address, port }) => {
  if (request.length < 20) return;
  const reply = Buffer.concat([Buffer.from([1, 1, 0, 12]), request.subarray(4, 20), Buffer.from([0, 0x20, 0, 8, 0, 1]), Buffer.alloc(6)]);
  reply.writeUInt16BE(port ^ 0x2112, 26);
  address.split('.').forEach((octet, i) => { reply[28 + i] = octet ^ request[4 + i]; });
  server.send(reply, port, address);
}).bind(0, '127.0.0.1');
await once(server, 'listening');
const stun = `stun:127.0.0.1:${server.address().port}`;

class WeriftPeer extends Peer {
  constructor() {
    super();
    const pc = this.pc = new RTCPeerConnection({ iceServers: [{ urls: stun }], iceUseIpv6: false, codecs });
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
  async close() { this.hush(); await this.pc.close(); }

  // ---- media: werift has no codecs ----
  addMedia(codec) {
    if (codec !== 'VP8') throw new Error('no ' + codec + ' here');
    for (const kind of ['audio', 'video']) {
      const { payloadType, ssrc, step, milliseconds, payload } = streams[kind];
      const track = new MediaStreamTrack({ kind });
      const transceiver = this.pc.addTransceiver(track, { direction: 'sendrecv' });
      transceiver.onTrack.subscribe(remote => remote.onReceiveRtp.subscribe(() => this.arrived[kind]++));
      let n = 0;
      this.every(milliseconds, () => {
        const header = new RtpHeader({ payloadType, sequenceNumber: n & 0xffff, timestamp: n++ * step >>> 0, ssrc, marker: true });
        track.writeRtp(new RtpPacket(header, payload));
      });
    }
  }

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
      await this.until('room', () => channel.bufferedAmount < 1 << 20, 60000);
    }
    return prints;
  }
}

serve(`werift ${versionOf('werift')}`, () => new WeriftPeer());
