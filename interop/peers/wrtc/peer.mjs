// libwebrtc in Node, by @roamhq/wrtc: W3C's API, so the page's peer.js and media.js do.
import fs from 'node:fs';
import vm from 'node:vm';
import wrtc from '@roamhq/wrtc';
import { serve, versionOf } from '../rpc.mjs';

Object.assign(globalThis, { RTCPeerConnection: wrtc.RTCPeerConnection, MediaStream: wrtc.MediaStream });
const page = name => fs.readFileSync(new URL('../../page/' + name, import.meta.url), 'utf8');
const MediaPeer = vm.runInThisContext(`${page('peer.js')}\n${page('media.js')}\nMediaPeer`);

serve(`@roamhq/wrtc ${versionOf('@roamhq/wrtc')}`, config => new MediaPeer(config));
