# Everything works without make, too: each target is one command.
.PHONY: check interop bench fuzz

check: ## all that must pass, except the interop module
	.ci/run check

interop: ## against Chromium and pion/webrtc, which are required
	.ci/run interop

fuzz: ## every fuzz target; FUZZTIME=1m for longer
	.ci/run fuzz

bench: ## every benchmark; COUNT=10 for benchstat
	go test -run '^$$' -bench . -benchmem -count $(or $(COUNT),1) ./...
	if [ -f bench/go.mod ]; then cd bench && go test -run '^$$' -bench . -benchmem -count $(or $(COUNT),1) ./...; fi
