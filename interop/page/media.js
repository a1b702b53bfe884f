'use strict';
// The browser's half of the tests of negotiation: transceivers, and descriptions
// one at a time. Transceivers are known by their mid.

const newMediaPeer = config => peers.push(new MediaPeer(config)) - 1;

class MediaPeer extends Peer {
  constructor(config) {
    super(config);
    this.pc.onnegotiationneeded = () => { this.note('negotiationneeded'); this.negotiate?.(); };
    this.pc.ontrack = e => this.note(`track ${e.track.kind} ${e.transceiver.mid} of ${e.streams.map(s => s.id)}`);
  }

  async track(kind) {
    const stream = await navigator.mediaDevices.getUserMedia({ [kind]: true }); // of the fake devices
    return stream.getTracks()[0];
  }
  transceiver(mid) {
    const found = this.pc.getTransceivers().find(t => t.mid === mid);
    if (!found) throw new Error(`no transceiver has the mid ${mid}`);
    return found;
  }
  transceivers() {
    return this.pc.getTransceivers().map(t =>
      ({ mid: t.mid, kind: t.receiver.track.kind, direction: t.direction, currentDirection: t.currentDirection }));
  }
  async addTrack(kind) { const track = await this.track(kind); this.pc.addTrack(track, new MediaStream([track])); return true; }
  addTransceiver(kind, direction) { this.pc.addTransceiver(kind, { direction }); return true; }
  removeTrack(mid) { this.pc.removeTrack(this.transceiver(mid).sender); return true; }
  async replaceTrack(mid) {
    const { sender, receiver } = this.transceiver(mid);
    await sender.replaceTrack(await this.track(receiver.track.kind));
    return true;
  }
  setDirection(mid, direction) { this.transceiver(mid).direction = direction; return true; }
  stop(mid) { this.transceiver(mid).stop(); return true; }

  signaling() { return this.pc.signalingState; }
  async setLocal(type) {
    if (type === 'rollback') await this.pc.setLocalDescription({ type });
    else if (type === 'pranswer') await this.pc.setLocalDescription({ type, sdp: (await this.pc.createAnswer()).sdp });
    else await this.pc.setLocalDescription();
    const { type: was, sdp } = this.pc.localDescription ?? {};
    return { type: was, sdp };
  }
  async setRemote(description) { await this.pc.setRemoteDescription(description); return true; }

  // W3C webrtc-pc section 10.7, the perfect negotiation example. Messages wait
  // in signals until Go fetches them.
  perfect(polite) {
    const pc = this.pc;
    this.signals = [];
    this.polite = polite;
    const send = message => { this.signals.push(message); this.changed(); };
    this.negotiate = async () => {
      try {
        this.makingOffer = true;
        await pc.setLocalDescription();
        send({ description: pc.localDescription });
      } catch (e) {
        this.note('negotiate: ' + e);
      } finally {
        this.makingOffer = false;
      }
    };
    this.pc.onicecandidate = ({ candidate }) => { if (candidate) send({ candidate }); };
    return true;
  }
  async signal({ description, candidate }) {
    const pc = this.pc;
    try {
      if (description) {
        const ready = !this.makingOffer && (pc.signalingState === 'stable' || this.isSettingRemoteAnswerPending);
        this.ignoreOffer = !this.polite && description.type === 'offer' && !ready;
        if (this.ignoreOffer) { this.note('ignored an offer'); return true; }
        this.isSettingRemoteAnswerPending = description.type === 'answer';
        await pc.setRemoteDescription(description);
        this.isSettingRemoteAnswerPending = false;
        if (description.type === 'offer') {
          await pc.setLocalDescription();
          this.signals.push({ description: pc.localDescription });
          this.changed();
        }
      } else {
        await pc.addIceCandidate(candidate).catch(e => { if (!this.ignoreOffer) throw e; });
      }
    } catch (e) {
      this.note('signal: ' + e);
    }
    return true;
  }
  nextSignals() { return JSON.parse(JSON.stringify(this.signals.splice(0))); } // by their toJSON
}
