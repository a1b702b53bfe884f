'use strict';
// The camera and the film of the quickstart page. Both come and go by
// renegotiation: a further offer over the same HTTP session, while the data
// channel goes on.

// One offer at a time: the next waits for the answer to the one before.
let turn = Promise.resolve();
function renegotiate(attempt, path, change) {
  const mine = turn.then(async () => {
    if (attempt.over) return;
    const pc = attempt.pc, made = change(pc);
    try {
      await pc.setLocalDescription();
      log('Browser', 'sends another offer');
      const response = await attempt.post(attempt.session + path, pc.localDescription);
      if (response && !attempt.over) await pc.setRemoteDescription(await response.json());
      return made;
    } catch (e) { // as if it had not been tried, so that the next offer is as good as this one
      if (pc.signalingState === 'have-local-offer') await pc.setLocalDescription({ type: 'rollback' });
      if (!attempt.over) made.forEach(t => t.stop());
      throw e;
    }
  });
  turn = mine.catch(() => {});
  return mine;
}

// A Show is one card: a button that begins and ends it, and the video in which
// what comes from Go is seen.
class Show {
  constructor(button, video, words, begin, end) {
    Object.assign(this, { button: $(button), video: $(video), numbers: $(video + '-numbers'), words, begin, finish: end, transceivers: [] });
    this.idle = this.numbers.textContent;
    this.button.onclick = () => this.toggle();
    setInterval(() => this.count(), 500);
  }

  // offer makes the button ready for a connection, or takes it away.
  offer(attempt) {
    this.attempt = attempt;
    this.clear();
    this.button.disabled = !attempt;
  }

  async toggle() {
    const attempt = this.attempt, running = this.transceivers.length > 0;
    this.button.disabled = true;
    try {
      if (running) {
        const old = this.transceivers;
        this.clear();
        await renegotiate(attempt, '/offer', () => { old.forEach(t => t.stop()); return []; });
      } else {
        const [path, change] = await this.begin(attempt);
        const made = await renegotiate(attempt, path, change);
        if (!made || attempt.over) return this.clear();
        this.transceivers = made;
        this.video.srcObject = new MediaStream(made.map(t => t.receiver.track));
        this.video.controls = true;
        this.button.textContent = this.words[1];
      }
    } catch (e) {
      this.clear();
      if (attempt.over) return;
      this.numbers.textContent = mediaHints[e.name] ?? e.message;
      log('Browser', e.message);
    } finally { this.button.disabled = !this.attempt; }
  }

  clear() {
    this.finish?.();
    this.transceivers = [];
    this.video.srcObject = null;
    this.video.controls = false;
    this.button.textContent = this.words[0];
    this.numbers.textContent = this.idle;
  }

  // count shows what the browser's statistics say about the video.
  async count() {
    const s = await this.stats();
    if (!s || !this.transceivers.length) return;
    this.numbers.textContent = `${s.codec} ${s.frameWidth} × ${s.frameHeight}, ${s.framesDecoded} frames`;
  }

  async stats() {
    const video = this.transceivers.find(t => t.receiver.track.kind === 'video');
    const report = await video?.receiver.getStats();
    const s = report && [...report.values()].find(s => s.type === 'inbound-rtp');
    return s?.framesDecoded ? { ...s, codec: report.get(s.codecId)?.mimeType.split('/')[1] ?? '' } : null;
  }
}

const mediaHints = {
  NotAllowedError: 'The browser or the system forbids the camera or the microphone: allow both for this page, by the symbol beside its address.',
  NotFoundError: 'There is no camera or no microphone. Chromium has false ones: start it with --use-fake-device-for-media-stream.',
  NotReadableError: 'Another program uses the camera: close it and try again.',
};

async function beginCamera(attempt) {
  if (!navigator.mediaDevices) throw new Error('The browser gives no camera to this address: open the page at 127.0.0.1 or localhost, or over HTTPS.');
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  if (attempt.over) stream.getTracks().forEach(t => t.stop());
  else $('seen').srcObject = stream;
  return ['/offer', pc => stream.getTracks().map(track => pc.addTransceiver(track, { streams: [stream] }))];
}
function endCamera() {
  $('seen').srcObject?.getTracks().forEach(t => t.stop());
  $('seen').srcObject = null;
}
async function beginFilm() {
  return ['/film', pc => ['video', 'audio'].map(kind => pc.addTransceiver(kind, { direction: 'recvonly' }))];
}
