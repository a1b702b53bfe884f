// Command bench measures Passerelle beside github.com/pion/webrtc/v4, in one
// process and in turns, and prints a table in Markdown:
//
//	go run . [-quick] [-only throughput,latency,setup,idle]
//	go run . -profile passerelle -only throughput [-size 100]   # writes cpu.prof
//
// Both stacks get the same work: two connections in one process over one UDP
// socket each on the IPv4 loopback interface, one reliable, ordered channel,
// default certificates. pion's multicast DNS is off, since it costs a second
// socket. It is a module of its own, so that the root's go.mod stays free of
// pion/webrtc.
package main
