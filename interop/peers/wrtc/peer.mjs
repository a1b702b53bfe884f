// libwebrtc in Node, by @roamhq/wrtc: W3C's API, so the page's scripts do.
import fs from 'node:fs';
import vm from 'node:vm';
import wrtc from '@roamhq/wrtc';
import { serve, versionOf } from '../rpc.mjs';

const { RTCPeerConnection, RTCRtpReceiver, MediaStream, nonstandard } = wrtc;

// The fake devices: a picture that changes, and silence.
function camera() {
  const source = new nonstandard.RTCVideoSource(), track = source.createTrack();
  const [width, height] = [320, 240], data = new Uint8ClampedArray(width * height * 1.5);
  let frame = 0;
  const timer = setInterval(() => {
    if (track.readyState === 'ended') return clearInterval(timer);
    data.fill(frame++ & 255);
    source.onFrame({ width, height, data });
  }, 40);
  return track;
}
function microphone() {
  const source = new nonstandard.RTCAudioSource(), track = source.createTrack();
  const samples = new Int16Array(480);
  const timer = setInterval(() => {
    if (track.readyState === 'ended') return clearInterval(timer);
    source.onData({ samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 });
  }, 10);
  return track;
}
const mediaDevices = {
  getUserMedia: async ({ audio, video }) => new MediaStream([...(audio ? [microphone()] : []), ...(video ? [camera()] : [])]),
};
Object.assign(globalThis, { RTCPeerConnection, RTCRtpReceiver, MediaStream });
Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices } });

const page = name => fs.readFileSync(new URL('../../page/' + name, import.meta.url), 'utf8');
const CallPeer = vm.runInThisContext(`${['peer.js', 'media.js', 'call.js'].map(page).join('\n')}\nCallPeer`);

serve(`@roamhq/wrtc ${versionOf('@roamhq/wrtc')}`, config => new CallPeer(config));
