'use strict';
// A client of WHIP (RFC 9725) and WHEP, which differ in who sends. It trickles: the
// offer goes at once, and what candidates are found later follow with PATCH. It
// restarts ICE where the path breaks, and shows each request that it makes.

class Session {
  // waits is called where there is nothing to watch, with the seconds to wait.
  constructor(endpoint, token, waits) { Object.assign(this, { endpoint, token, waits, found: [], etag: null, url: null }); }

  // begin sends the offer of a connection. It returns null where stop was called
  // meanwhile.
  async begin(pc) {
    this.pc = pc;
    pc.onicecandidate = e => this.trickle(e.candidate);
    pc.addEventListener('iceconnectionstatechange', () => { if (pc.iceConnectionState === 'disconnected') this.restart(); });
    for (let attempt = 0; ; attempt++) {
      const response = await this.request('POST', this.endpoint, { 'Content-Type': 'application/sdp' }, pc.localDescription.sdp);
      if (response.status === 201) {
        const location = new URL(response.headers.get('Location'), response.url).href;
        const answer = { type: 'answer', sdp: await response.text() };
        this.etag = response.headers.get('ETag');
        if (this.stopped) return this.remove(location), null;
        this.url = location;
        this.flush();
        return { location, answer };
      }
      const why = (await response.json().catch(() => ({}))).detail ?? response.statusText;
      const after = Number(response.headers.get('Retry-After'));
      if (!after || !this.waits || response.status !== 409) throw trouble(`The server refused with ${response.status}: ${why}.`, hintsOf(response.status));
      const seconds = Math.min(after * 2 ** attempt, 10); // back off, as the draft has it
      this.waits(why, seconds);
      await new Promise(done => { this.wake = done; setTimeout(done, seconds * 1000); });
      if (this.stopped) return null;
    }
  }

  // trickle keeps a candidate until the server's URL is known, and what was found
  // until now goes in one request.
  trickle(candidate) {
    this.found.push(candidate);
    if (this.url && !this.restarting) this.flush();
  }

  flush() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => {
      const found = this.found.splice(0);
      if (found.length && !this.stopped) this.request('PATCH', this.url, { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': this.etag }, this.fragment(found)).catch(() => {});
    }, 50);
  }

  // restart begins a new ICE session on the connection that there is.
  async restart() {
    if (this.restarting || this.stopped || !this.url) return;
    this.restarting = true;
    try {
      this.found = [];
      this.pc.restartIce();
      await this.pc.setLocalDescription();
      await gathered(this.pc);
      const response = await this.request('PATCH', this.url, { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' }, this.fragment(this.found.splice(0)));
      if (response.status !== 200) throw new Error(response.statusText);
      this.etag = response.headers.get('ETag');
      await this.pc.setRemoteDescription({ type: 'answer', sdp: renewed(this.pc.currentRemoteDescription.sdp, await response.text()) });
    } catch (e) {
      if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({ type: 'rollback' });
    } finally { this.restarting = false; }
  }

  // fragment says what was found, for the first m-line: the others are bundled with it.
  fragment(found) {
    const lines = this.pc.localDescription.sdp.split('\r\n'), first = lines.findIndex(l => l.startsWith('m='));
    const own = prefix => lines.slice(first).find(l => l.startsWith(prefix));
    return [...lines.slice(0, first).filter(l => l.startsWith('a=ice-options') || l.startsWith('a=group')),
      lines[first], own('a=mid:'), own('a=ice-ufrag:'), own('a=ice-pwd:'),
      ...found.filter(c => c?.candidate).map(c => 'a=' + c.candidate),
      ...(found.includes(null) ? ['a=end-of-candidates'] : []), ''].join('\r\n');
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.soon);
    this.wake?.();
  }

  remove(url) {
    this.stop();
    this.request('DELETE', url, {}, undefined).catch(() => {});
  }

  async request(method, url, headers, body) {
    if (this.token) headers.Authorization = 'Bearer ' + this.token;
    const entry = note(method, new URL(url, location).pathname, headers['Content-Type'] ?? '', headers['If-Match']);
    const response = await fetch(url, { method, headers, body, keepalive: method === 'DELETE' }).catch(() => {
      entry('no answer', false);
      throw trouble('The Go program does not answer.', ['Start it again in its terminal, then press Start.']);
    });
    entry(`${response.status} ${response.statusText}`, response.ok);
    return response;
  }
}

// renewed is a description with the credentials and candidates of a fragment.
function renewed(description, fragment) {
  const lines = fragment.split('\r\n'), of = prefix => lines.find(l => l.startsWith(prefix));
  const candidates = lines.filter(l => l.startsWith('a=candidate:') || l === 'a=end-of-candidates');
  let first = true;
  return description.split('\r\n').filter(l => !l.startsWith('a=candidate:') && l !== 'a=end-of-candidates').flatMap(l => {
    if (l.startsWith('a=ice-ufrag:')) return [of('a=ice-ufrag:')];
    if (!l.startsWith('a=ice-pwd:')) return [l];
    const more = first ? candidates : [];
    first = false;
    return [of('a=ice-pwd:'), ...more];
  }).join('\r\n');
}

function hintsOf(status) {
  if (status === 401) return ['Type the token that the program was started with.'];
  if (status === 409) return ['Choose another name for the stream, or wait until the other has stopped.'];
  if (status === 422) return ['The two have no codec in common: try another browser.'];
  return ['Look at what the program printed.', 'Press Start to try again.'];
}

// ---- the page ----------------------------------------------------------------

// note shows a request, and returns what shows its answer.
function note(method, path, type, match) {
  const item = element('li'), answer = element('b', '…');
  path = path.replace(/(session\/.{6}).+/, '$1…');
  item.append(element('i', method), element('span', path), element('small', [type, match && 'If-Match: ' + (match === '*' ? '*' : match.slice(0, 7) + '…"')].filter(Boolean).join(', ')), answer);
  $('requests').append(item);
  while ($('requests').children.length > 12) $('requests').firstChild.remove();
  return (text, good) => { answer.textContent = text; answer.className = good ? 'good' : ''; };
}

// session makes the session that the fields of the page ask for.
function session(protocol, waits) {
  const name = $('name').value.trim() || 'live';
  return new Session(`/${protocol}/${encodeURIComponent(name)}`, $('token').value.trim(), waits);
}

// paths follows the name of the stream: the addresses for other programs, and the
// link to the other page.
function paths(protocol, other, page) {
  const name = encodeURIComponent($('name').value.trim() || 'live');
  $('endpoint').textContent = `${location.origin}/${protocol}/${name}`;
  $('other').href = page + '?stream=' + name;
  $('other').textContent = `${location.origin}${page}?stream=${name}`;
}
