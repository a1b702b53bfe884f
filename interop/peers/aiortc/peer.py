"""aiortc. See page/peer.js for the methods."""
import asyncio
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import aiortc
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from rpc import Log, content, fingerprint, serve


class Peer(Log):
    def __init__(self):
        super().__init__()
        self.pc, self.channels = RTCPeerConnection(RTCConfiguration(iceServers=[])), {}
        for event, attribute in (('signaling', 'signalingState'), ('ice', 'iceConnectionState'),
                                 ('icegathering', 'iceGatheringState'), ('connection', 'connectionState')):
            self.watch(event, attribute)
        self.arrived = {'audio': 0, 'video': 0}  # frames decoded
        self.pc.on('datachannel', self.adopt)
        self.pc.on('track', lambda track: asyncio.ensure_future(self.watch_track(track)))

    def watch(self, event, attribute):
        name = {'signaling': 'signalingstatechange', 'ice': 'iceconnectionstatechange',
                'icegathering': 'icegatheringstatechange', 'connection': 'connectionstatechange'}[event]
        self.pc.on(name, lambda: self.note(f'{event.removeprefix("ice") or "ice"} {getattr(self.pc, attribute)}'))

    # ---- signalling ----
    async def offer(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def answer(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, 'offer'))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        return self.pc.localDescription.sdp

    async def accept(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, 'answer'))

    def gathered(self):  # setLocalDescription has waited for it
        return self.pc.localDescription.sdp

    def waitState(self, *states):
        return self.until(' or '.join(states), lambda: self.pc.connectionState in states and self.pc.connectionState)

    async def close(self):
        await self.pc.close()

    # ---- media ----
    async def addMedia(self, codec):
        self.pc.addTrack(AudioStreamTrack())
        sender = self.pc.addTrack(VideoStreamTrack())
        wanted = ('video/' + codec.lower(), 'video/rtx')
        for transceiver in self.pc.getTransceivers():
            if transceiver.sender is sender:
                transceiver.setCodecPreferences([c for c in RTCRtpSender.getCapabilities('video').codecs
                                                 if c.mimeType.lower() in wanted])

    async def watch_track(self, track):
        try:
            while True:
                await track.recv()
                self.arrived[track.kind] += 1
        except MediaStreamError:
            pass

    def counts(self):
        return self.arrived

    # ---- channels ----
    async def createChannel(self, label, init):
        self.adopt(self.pc.createDataChannel(label, **init))

    def adopt(self, channel):
        record = {'channel': channel, 'received': [], 'echo': False}

        @channel.on('message')
        def message(data):
            if record['echo']:
                channel.send(data)
                return
            with self.changed:
                record['received'].append(fingerprint(data))
                self.changed.notify_all()

        channel.on('open', lambda: self.note(f'channel {channel.label} open'))
        channel.on('close', lambda: self.note(f'channel {channel.label} close'))
        self.channels[channel.label] = record
        self.note('channel ' + channel.label)

    def waitChannel(self, label, state):
        self.until(f'channel {label} {state}',
                   lambda: label in self.channels and self.channels[label]['channel'].readyState == state)
        channel = self.channels[label]['channel']
        return {'label': label, 'id': channel.id, 'ordered': channel.ordered, 'protocol': channel.protocol,
                'maxRetransmits': channel.maxRetransmits, 'maxPacketLifeTime': channel.maxPacketLifeTime,
                'negotiated': channel.negotiated}

    def echo(self, label):
        self.channels[label]['echo'] = True

    async def closeChannel(self, label):
        self.channels[label]['channel'].close()

    async def send(self, label, plan):
        channel, prints = self.channels[label]['channel'], []
        for index, entry in enumerate(plan):
            message = content(index, entry)
            prints.append(fingerprint(message))
            channel.send(message)
            while channel.bufferedAmount > 1 << 20:
                await asyncio.sleep(0.01)
        return prints

    def received(self, label, n):
        received = self.channels[label]['received']
        self.until(f'{n} messages on {label}', lambda: len(received) >= n, 150)
        return received


loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
serve('aiortc ' + aiortc.__version__, Peer, loop)
