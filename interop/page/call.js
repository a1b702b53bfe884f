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

  close() {
    for (const track of this.sources) track.stop();
    return super.close();
  }
}
