'use strict';
// The browser's half of the tests of media: a camera and a microphone, what has
// arrived, simulcast.

const newCallPeer = config => peers.push(new CallPeer(config)) - 1;

class CallPeer extends MediaPeer {
  sources = [];

  // addMedia sends a microphone, and a camera with a codec, and takes the same.
  async addMedia(codec) {
    const stream = new MediaStream();
    for (const kind of ['audio', 'video']) {
      const track = await this.track(kind);
      this.sources.push(track);
      stream.addTrack(track);
      this.pc.addTrack(track, stream);
    }
    for (const transceiver of this.pc.getTransceivers()) {
      if (transceiver.sender.track?.kind !== 'video' || !transceiver.setCodecPreferences) continue;
      const { codecs } = RTCRtpReceiver.getCapabilities('video');
      const wanted = codecs.filter(c => c.mimeType.toLowerCase() === `video/${codec}`.toLowerCase());
      if (!wanted.length) throw new Error(`no ${codec} among ${codecs.map(c => c.mimeType)}`);
      transceiver.setCodecPreferences([...wanted, ...codecs.filter(c => /rtx/i.test(c.mimeType))]);
    }
    return true;
  }

  // addSimulcast sends a camera in three layers: q, h and f.
  async addSimulcast() {
    const track = await this.track('video');
    if (track.applyConstraints) await track.applyConstraints({ width: 1280, height: 720 }); // three layers want that much
    this.sources.push(track);
    this.pc.addTransceiver(track, { direction: 'sendonly', sendEncodings: [
      { rid: 'q', scaleResolutionDownBy: 4 }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'f' }] });
    return true;
  }

  // counts are the frames decoded, for audio the packets received.
  async counts() {
    const counts = { audio: 0, video: 0 };
    for (const s of (await this.pc.getStats()).values()) {
      if (s.type === 'inbound-rtp') counts[s.kind] += (s.kind === 'video' ? s.framesDecoded : s.packetsReceived) || 0;
    }
    return counts;
  }

  // videoStats are the counts of video both ways, in the names of the Go side.
  async videoStats() {
    const out = { FramesDecoded: 0, FreezeCount: 0, NACKs: 0, PLIs: 0, PacketsLost: 0, RetransmittedReceived: 0,
      FramesSent: 0, KeyFrames: 0, NACKsHeard: 0, PLIsHeard: 0, Resent: 0, AudioPackets: 0, LossOfOurs: 0, AvailableOutgoing: 0 };
    for (const s of (await this.pc.getStats()).values()) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') out.AudioPackets += s.packetsReceived || 0;
      if (s.type === 'inbound-rtp' && s.kind === 'video') {
        out.FramesDecoded += s.framesDecoded || 0;
        out.FreezeCount += s.freezeCount || 0;
        out.NACKs += s.nackCount || 0;
        out.PLIs += s.pliCount || 0;
        out.PacketsLost += s.packetsLost || 0;
        out.RetransmittedReceived += s.retransmittedPacketsReceived || 0;
      }
      if (s.type === 'outbound-rtp' && s.kind === 'video') {
        out.FramesSent += s.framesSent || 0;
        out.KeyFrames += s.keyFramesEncoded || 0;
        out.NACKsHeard += s.nackCount || 0;
        out.PLIsHeard += s.pliCount || 0;
        out.Resent += s.retransmittedPacketsSent || 0;
      }
      if (s.type === 'remote-inbound-rtp' && s.kind === 'video') out.LossOfOurs = s.fractionLost || 0;
      if (s.type === 'candidate-pair' && s.nominated) out.AvailableOutgoing = s.availableOutgoingBitrate || 0;
    }
    return out;
  }

  close() {
    for (const track of this.sources) track.stop();
    return super.close();
  }
}
