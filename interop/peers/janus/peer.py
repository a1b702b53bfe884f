"""Janus with its echo test, which sends back what it gets. It answers only. See
page/peer.js for the methods."""
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rpc import Log, serve

work = tempfile.mkdtemp(prefix='passerelle-janus-')
with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]
base = f'http://127.0.0.1:{port}/janus'
folder = glob.glob('/usr/lib/*/janus')[0]


def start():
    """Starts Janus with nothing but the echo test and the HTTP API on loopback."""
    only = lambda kind, keep: ','.join(n for n in os.listdir(f'{folder}/{kind}') if n.endswith('.so') and keep not in n)
    files = {
        'janus.jcfg': f'''general: {{ configs_folder = "{work}" plugins_folder = "{folder}/plugins" debug_level = 4
 transports_folder = "{folder}/transports" events_folder = "{work}/none" loggers_folder = "{work}/none" }}
media: {{ ipv6 = false }}
nat: {{ full_trickle = false ice_lite = false }}
plugins: {{ disable = "{only('plugins', 'echotest')}" }}
transports: {{ disable = "{only('transports', '_http')}" }}
''',
        'janus.transport.http.jcfg': f'''general: {{ json = "plain" base_path = "/janus" http = true port = {port} ip = "127.0.0.1" https = false }}
admin: {{ admin_http = false admin_https = false }}
''',
        'janus.plugin.echotest.jcfg': 'general: { }\n',
    }
    for name, text in files.items():
        with open(os.path.join(work, name), 'w') as file:
            file.write(text)
    return subprocess.Popen(['janus', '-F', work, '-o'], stdout=sys.stderr, stderr=sys.stderr, stdin=subprocess.DEVNULL)


def get(path):
    return json.load(urllib.request.urlopen(base + path, timeout=60))


def post(path, **message):
    message['transaction'] = 'x'
    request = urllib.request.Request(base + path, json.dumps(message).encode(), {'Content-Type': 'application/json'})
    reply = json.load(urllib.request.urlopen(request, timeout=20))
    if reply['janus'] == 'error':
        raise RuntimeError(reply['error']['reason'])
    return reply


class Peer(Log):
    def __init__(self):
        super().__init__()
        self.state, self.jsep, self.open = 'new', None, True
        self.session = '/%d' % post('', janus='create')['data']['id']
        self.handle = self.session + '/%d' % post(self.session, janus='attach', plugin='janus.plugin.echotest')['data']['id']
        threading.Thread(target=self.poll, daemon=True).start()

    def poll(self):
        while self.open:
            try:
                event = get(self.session + '?maxev=1')
            except OSError:
                return
            for event in event if isinstance(event, list) else [event]:
                kind = event['janus']
                if kind == 'keepalive':
                    continue
                self.jsep = event.get('jsep', self.jsep)
                self.state = {'webrtcup': 'connected', 'hangup': 'closed'}.get(kind, self.state)
                self.note(kind + ''.join(f' {event[k]}' for k in ('type', 'receiving', 'reason') if k in event)
                          + json.dumps(event.get('plugindata', {}).get('data', '')))

    def addMedia(self, codec):
        pass  # what comes goes back

    def answer(self, sdp):
        post(self.handle, janus='message', body={'audio': True, 'video': True}, jsep={'type': 'offer', 'sdp': sdp})
        self.until('an answer', lambda: self.jsep)
        return self.jsep['sdp']

    def gathered(self):  # Janus answers with all its candidates
        return self.jsep['sdp']

    def waitState(self, *states):
        return self.until(' or '.join(states), lambda: self.state in states and self.state)

    def close(self):
        self.open = False
        post(self.session, janus='destroy')


server = start()
for _ in range(100):
    try:
        version = get('/info')['version_string']
        break
    except OSError:
        time.sleep(0.1)


def stop():
    server.terminate()
    server.wait()
    shutil.rmtree(work, ignore_errors=True)


serve('Janus ' + version, Peer, at_end=stop)
