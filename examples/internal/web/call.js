'use strict';
// What the pages of the examples share: one call with the program that served
// them, its state in words, and its numbers once a second.
//
// A page has a <section id="panel">, and says what is special about its call:
//
//   setUp({ hello: 'Press Start.', start: async pc => { add tracks or transceivers },
//           track: event => { show it }, connected: pc => {}, closed: () => { the program has hung up }, ended: () => {} })
//
// offer is where its offer goes, '/offer' without it. A page with signalling of its
// own has instead
//
//   exchange: async pc => ({ location: 'the URL of the call', answer: its description }), or null where the call has ended meanwhile,
//   remove: location => { end the call }

const $ = id => document.getElementById(id);
let pc = null, call = null, page = null; // the connection, its URL at the program, what setUp was told

function setUp(options) {
  page = options;
  $('panel').className = 'card';
  $('panel').innerHTML = `
    <div class="status">
      <div role="status" aria-live="polite"><p id="headline"></p><p id="detail"></p></div>
      <div class="buttons">${options.codecs ? '<select id="codec" aria-label="Codec of the picture"><option value="">Browser’s choice</option></select>' : ''}
        <button id="start">Start</button><button id="stop" class="quiet" hidden>Stop</button></div>
    </div>`;
  const trouble = element('section', '', { id: 'trouble', className: 'card', hidden: true });
  trouble.setAttribute('role', 'alert');
  trouble.innerHTML = '<h2>What went wrong</h2><p id="why"></p><ul id="hints"></ul>';
  const numbers = element('section', '', { className: 'card' });
  numbers.innerHTML = '<h2>Numbers</h2><dl id="numbers"></dl>';
  $('panel').after(trouble);
  document.querySelector('footer').before(numbers);
  if (options.codecs) {
    const names = new Set((window.RTCRtpSender?.getCapabilities('video').codecs ?? []).map(c => c.mimeType.split('/')[1]));
    for (const name of names) if (!/rtx|red|ulpfec|flexfec/i.test(name)) $('codec').append(element('option', name, { value: name }));
  }
  $('start').onclick = begin;
  $('stop').onclick = () => { hangUp(); say('Stopped', page.hello); };
  addEventListener('pagehide', hangUp);
  say('Not connected', options.hello);
  show({});
}

async function begin() {
  $('trouble').hidden = true;
  busy(true);
  say('Connecting …', 'Page and program look for a path to each other.');
  try {
    if (!window.RTCPeerConnection) throw trouble('This browser has no WebRTC.', ['An extension or a policy may have switched it off: try another browser.']);
    const mine = pc = new RTCPeerConnection();
    mine.ontrack = e => page.track?.(e);
    mine.onconnectionstatechange = () => { if (mine === pc) judge(mine); };
    await page.start(mine);
    if (mine !== pc) return; // stopped meanwhile
    await mine.setLocalDescription();
    const done = await (page.exchange ?? exchange)(mine);
    if (!done || mine !== pc) return done && (page.remove ?? remove)(done.location);
    call = done.location;
    await mine.setRemoteDescription(done.answer);
    page.answered?.(mine);
  } catch (e) { fail(e.message, e.hints ?? mediaHints[e.name] ?? ['Press Start to try again.']); }
}

// exchange sends the offer with all candidates, and gets an answer that has them.
async function exchange(pc) {
  await gathered(pc);
  const answer = await fetch(page.offer ?? '/offer', { method: 'POST', body: JSON.stringify(pc.localDescription) })
    .catch(() => { throw trouble('The Go program does not answer.', ['Start it again in its terminal, then press Start.']); });
  if (!answer.ok) throw trouble('The Go program refused: ' + (await answer.text()).trim(), ['Look at what the program printed.', 'Reload this page if it is older than the program.']);
  return { location: answer.headers.get('Location'), answer: await answer.json() };
}
function remove(location) { fetch(location, { method: 'DELETE', keepalive: true }).catch(() => {}); }

const mediaHints = {
  NotAllowedError: ['The browser or the system forbids the camera or the microphone: allow both for this page, by the symbol beside its address.'],
  NotFoundError: ['There is no camera or no microphone. Chromium has false ones: start it with --use-fake-device-for-media-stream.'],
  NotReadableError: ['Another program uses the camera: close it and press Start.'],
};

function trouble(message, hints) { return Object.assign(new Error(message), { hints }); }

// gathered waits until the offer holds all candidates, two seconds at most.
function gathered(pc) {
  return new Promise(done => {
    if (pc.iceGatheringState === 'complete') done();
    pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done());
    setTimeout(done, 2000);
  });
}

// media asks for camera and microphone and shows them in a video element.
async function media(video, constraints = { video: true, audio: true }) {
  if (!navigator.mediaDevices) throw trouble('The browser gives no camera to this address.', ['Open the page at 127.0.0.1 or localhost, or over HTTPS.']);
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  if (video) video.srcObject = stream;
  return stream;
}

// prefer lets a transceiver send the codec that the page's menu names.
function prefer(transceiver) {
  const name = $('codec')?.value;
  if (!name) return;
  const codecs = RTCRtpSender.getCapabilities('video').codecs;
  transceiver.setCodecPreferences(codecs.filter(c => [name.toLowerCase(), 'rtx'].includes(c.mimeType.toLowerCase().split('/')[1])));
}

function judge(mine) {
  if (mine.connectionState === 'connected') {
    say('Connected', 'Encrypted from end to end: DTLS and SRTP over UDP.');
    const dtls = mine.getReceivers()[0]?.transport;
    if (dtls) dtls.onstatechange = () => { if (dtls.state === 'closed' && mine === pc) gone(); };
    page.connected?.(mine);
  } else if (mine.connectionState === 'disconnected') {
    say('Interrupted', 'The program is silent. Waiting for the path to come back …');
  } else if (mine.connectionState === 'failed') {
    const dtls = mine.getSenders().concat(mine.getReceivers()).some(s => s.transport?.state === 'failed');
    fail(dtls ? 'The two found a path, but the encrypted handshake (DTLS) on it failed.' : 'There is no network path between page and program, or it stopped working.',
      ['The program may have ended: look at its terminal, which says why a connection failed.',
        'A firewall, a VPN or a security program may block UDP: allow it for the browser and for the Go program, or pause it and try again.',
        'Are they on two machines? Then each must reach an address of the other.']);
  } else if (mine.connectionState === 'closed') hangUp();
}

// gone is told by DTLS that the program has closed the connection.
function gone() {
  if (page.closed) { hangUp(); page.closed(); } else fail('The program has ended the call.', ['It may have been stopped: look at its terminal.', 'Press Start to call again.']);
}

function fail(why, hints) {
  hangUp();
  say('Not connected', 'The connection failed.');
  $('why').textContent = why;
  $('hints').replaceChildren(...hints.map(h => element('li', h)));
  $('trouble').hidden = false;
}

function hangUp() {
  if (call) (page.remove ?? remove)(call);
  pc?.getSenders().forEach(s => s.track?.stop());
  pc?.close();
  pc = call = null;
  busy(false);
  page.ended?.();
}

function busy(yes) {
  $('start').hidden = yes; $('stop').hidden = !yes;
  if ($('codec')) $('codec').disabled = yes;
}
function say(headline, detail) { $('headline').textContent = headline; $('detail').textContent = detail; }
function element(tag, text, properties) { return Object.assign(document.createElement(tag), { textContent: text }, properties); }

// ---- the numbers ----------------------------------------------------------

// numbers reads what W3C's statistics say about this call. Rates are since the
// last call.
let last = { at: 0, bytesIn: 0, bytesOut: 0 };
async function numbers(pc) {
  const stats = [...(await pc.getStats()).values()], now = performance.now();
  const of = (type, kind) => stats.find(s => s.type === type && s.kind === kind);
  const sum = (type, field) => stats.filter(s => s.type === type).reduce((n, s) => n + (s[field] ?? 0), 0);
  const codec = s => s && stats.find(c => c.id === s.codecId)?.mimeType.split('/')[1].replace('opus', 'Opus');
  const video = of('inbound-rtp', 'video'), audio = of('inbound-rtp', 'audio'), sent = of('outbound-rtp', 'video');
  const pair = stats.find(s => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
  const bytesIn = sum('inbound-rtp', 'bytesReceived'), bytesOut = sum('outbound-rtp', 'bytesSent');
  const rate = (now, before, at) => last.at && now >= before ? Math.round((now - before) * 8 / at) : undefined; // bits a millisecond: kbit/s
  const shown = {
    'Picture': video?.frameWidth ? `${codec(video) ?? ''} ${video.frameWidth} × ${video.frameHeight}` : sent && codec(sent) ? codec(sent) + ' sent' : undefined,
    'Sound': codec(audio) ?? (codec(of('outbound-rtp', 'audio')) && codec(of('outbound-rtp', 'audio')) + ' sent'),
    'Frames per second': video?.framesPerSecond ?? sent?.framesPerSecond,
    'Frames decoded': video?.framesDecoded,
    'Received': rate(bytesIn, last.bytesIn, now - last.at),
    'Sent': rate(bytesOut, last.bytesOut, now - last.at),
    'Packets lost': video || audio ? sum('inbound-rtp', 'packetsLost') : undefined,
    'Round trip': pair?.currentRoundTripTime,
  };
  last = { at: now, bytesIn, bytesOut };
  return shown;
}

function show(n) {
  const units = { Received: v => v + ' kbit/s', Sent: v => v + ' kbit/s', 'Round trip': v => (v * 1000).toFixed(v < .01 ? 1 : 0) + ' ms' };
  $('numbers').replaceChildren(...['Picture', 'Sound', 'Frames per second', 'Frames decoded', 'Received', 'Sent', 'Packets lost', 'Round trip'].map(name => {
    const entry = element('div', '');
    entry.append(element('dt', name), element('dd', n[name] === undefined ? '–' : (units[name] ?? String)(n[name])));
    return entry;
  }));
}
setInterval(async () => { if (pc?.connectionState === 'connected') show(await numbers(pc)); }, 1000);
