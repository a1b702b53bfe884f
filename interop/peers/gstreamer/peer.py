"""GStreamer's webrtcbin. See page/peer.js for the methods."""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstWebRTC', '1.0')
gi.require_version('GstSdp', '1.0')
from gi.repository import GLib, Gst, GstSdp, GstWebRTC
from rpc import Log, content, fingerprint, serve

Gst.init(None)


class Peer(Log):
    def __init__(self):
        super().__init__()
        self.sinks = []  # its pads for what is sent
        self.candidates = []  # not fetched yet; None ends them
        self.channels, self.arrived = {}, {'audio': 0, 'video': 0}  # RTP packets
        self.pipeline = Gst.Pipeline.new()
        self.pc = Gst.ElementFactory.make('webrtcbin', None)
        self.pc.set_property('bundle-policy', GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.pc)
        for name in ('signaling', 'ice-gathering', 'ice-connection', 'connection'):
            self.watch(name)
        self.pc.connect('on-data-channel', lambda _, channel: self.adopt(channel))
        self.pc.connect('pad-added', self.received_pad)
        self.pc.connect('on-ice-candidate', lambda _, line, text: self.found(text and {'candidate': text, 'sdpMLineIndex': line}))
        self.pipeline.set_state(Gst.State.PLAYING)

    def watch(self, name):
        def changed(*_):
            state = self.property(name + '-state')
            self.note(f'{name} {state}')
            if (name, state) == ('ice-gathering', 'complete'):
                self.found(None)

        self.pc.connect(f'notify::{name}-state', changed)

    def found(self, candidate):
        with self.changed:
            self.candidates.append(candidate)
            self.changed.notify_all()

    def nextCandidates(self):
        self.until('candidates', lambda: self.candidates)
        with self.changed:
            found, self.candidates = self.candidates, []
        return found

    def addCandidate(self, init):
        self.pc.emit('add-ice-candidate', init['sdpMLineIndex'] if init else 0, init['candidate'] if init else None)

    def property(self, name):
        return self.pc.get_property(name).value_nick

    # ---- signalling ----
    def promised(self, signal, *args):
        """Emits one of webrtcbin's signals that take a promise, and waits for it."""
        promise = Gst.Promise.new()
        self.pc.emit(signal, *args, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise RuntimeError(f'{signal} was not answered')
        reply = promise.get_reply()
        if reply and reply.has_field('error'):
            raise RuntimeError(f'{signal}: {reply.get_value("error").message}')
        return reply

    def local(self, kind):
        # webrtcbin describes what its pads have; before, it offers what nobody takes.
        self.until('the caps of what is sent', lambda: all(pad.get_current_caps() for pad in self.sinks))
        reply = self.promised('create-' + kind, None)  # owns the description
        self.promised('set-local-description', reply.get_value(kind))
        return self.pc.get_property('local-description').sdp.as_text()

    def remote(self, kind, sdp):
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        self.promised('set-remote-description', GstWebRTC.WebRTCSessionDescription.new(kind, message))

    def offer(self):
        return self.local('offer')

    def answer(self, sdp):
        self.remote(GstWebRTC.WebRTCSDPType.OFFER, sdp)
        return self.local('answer')

    def accept(self, sdp):
        self.remote(GstWebRTC.WebRTCSDPType.ANSWER, sdp)

    def gathered(self):
        self.until('gathering', lambda: self.property('ice-gathering-state') == 'complete')
        return self.pc.get_property('local-description').sdp.as_text()

    def waitState(self, *states):
        state = lambda: self.property('connection-state')
        return self.until(' or '.join(states), lambda: state() in states and state())

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)

    # ---- media ----
    def addMedia(self, codec):
        payload = {'VP8': 96, 'H264': 102}[codec]
        encoder = {'VP8': 'vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay',
                   'H264': 'openh264enc gop-size=30 ! video/x-h264,profile=constrained-baseline ! '
                           'rtph264pay config-interval=-1 aggregate-mode=zero-latency'}[codec]
        self.source('audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! rtpopuspay',
                    'application/x-rtp,media=audio,encoding-name=OPUS,payload=111')
        self.source('videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! videoconvert ! '
                    f'{encoder}', f'application/x-rtp,media=video,encoding-name={codec},payload={payload}')

    def source(self, description, caps):
        source = Gst.parse_bin_from_description(f'{description} ! capsfilter caps="{caps}"', True)
        self.pipeline.add(source)
        pad = self.pc.request_pad_simple('sink_%u')
        source.get_static_pad('src').link(pad)
        self.sinks.append(pad)
        source.sync_state_with_parent()

    def received_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string('media')

        def arrived(*_):
            self.arrived[kind] += 1

        sink = Gst.ElementFactory.make('fakesink', None)
        sink.set_property('sync', False)
        sink.set_property('signal-handoffs', True)
        sink.connect('handoff', arrived)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad('sink'))

    def counts(self):
        return self.arrived

    # ---- channels ----
    def createChannel(self, label, init):
        options = Gst.Structure.new_empty('options')
        for name, value in init.items():
            options.set_value({'maxRetransmits': 'max-retransmits', 'maxPacketLifeTime': 'max-packet-lifetime'}.get(name, name), value)
        self.adopt(self.pc.emit('create-data-channel', label, options))

    def adopt(self, channel):
        label = channel.get_property('label')
        record = {'channel': channel, 'received': [], 'echo': False}

        def message(data):
            if record['echo']:
                self.put(channel, data)
                return
            with self.changed:
                record['received'].append(fingerprint(data))
                self.changed.notify_all()

        # An empty message is no text and no data to GStreamer.
        channel.connect('on-message-string', lambda _, text: message(text or ''))
        channel.connect('on-message-data', lambda _, data: message(data.get_data() if data else b''))
        channel.connect('on-open', lambda _: self.note(f'channel {label} open'))
        channel.connect('on-close', lambda _: self.note(f'channel {label} close'))
        channel.connect('on-error', lambda _, e: self.note(f'channel {label} error {e.message}'))
        self.channels[label] = record
        self.note('channel ' + label)

    def put(self, channel, data):
        if isinstance(data, str):
            channel.emit('send-string', data or None)
        else:
            channel.emit('send-data', GLib.Bytes.new(data) if data else None)

    def waitChannel(self, label, state):
        self.until(f'channel {label} {state}', lambda: label in self.channels and
                   self.channels[label]['channel'].get_property('ready-state').value_nick == state)
        get = self.channels[label]['channel'].get_property
        limit = lambda name: None if get(name) < 0 else get(name)
        return {'label': label, 'id': max(0, get('id')), 'ordered': get('ordered'), 'protocol': get('protocol') or '',
                'maxRetransmits': limit('max-retransmits'), 'maxPacketLifeTime': limit('max-packet-lifetime'),
                'negotiated': get('negotiated')}

    def echo(self, label):
        self.channels[label]['echo'] = True

    def closeChannel(self, label):
        self.channels[label]['channel'].emit('close')

    def send(self, label, plan):
        channel, prints = self.channels[label]['channel'], []
        for index, entry in enumerate(plan):
            message = content(index, entry)
            prints.append(fingerprint(message))
            self.put(channel, message)
            self.until('room', lambda: channel.get_property('buffered-amount') < 1 << 20, 60)
        return prints

    def received(self, label, n):
        received = self.channels[label]['received']
        self.until(f'{n} messages on {label}', lambda: len(received) >= n, 150)
        return received


threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
serve('GStreamer ' + '.'.join(str(n) for n in Gst.version()[:3]), Peer)
