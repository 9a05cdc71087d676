// The load of the admission benchmark: N connections in a closed loop, each posting the same review again and again, as an
// API server does: HTTPS, HTTP/1.1, keep-alive. It prints one JSON object. It checks each answer cheaply, since it must cost
// less than the servers: status 200, the text "allowed":true, and the same length as the first answer.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

type result struct {
	Connections   int     `json:"connections"`
	Requests      int     `json:"requests"`
	Failures      int     `json:"failures"`
	FirstFailure  string  `json:"firstFailure,omitempty"`
	Seconds       float64 `json:"seconds"`
	P50Micros     float64 `json:"p50Micros"`
	P90Micros     float64 `json:"p90Micros"`
	P99Micros     float64 `json:"p99Micros"`
	MaxMicros     float64 `json:"maxMicros"`
	AnswerBytes   int     `json:"answerBytes"`
	LoadCPU       float64 `json:"loadCpuSeconds"`
	ServerCPU     float64 `json:"serverCpuSeconds"`
	ServerRSSKiB  int     `json:"serverRssMaxKib"`
	ServerPeakKiB int     `json:"serverPeakKib"`
	// What other processes took of the server's core and of ours, and what the hypervisor took of both.
	OthersCPU  float64 `json:"othersCpuSeconds"`
	StolenCPU  float64 `json:"stolenCpuSeconds"`
	FailedDial int     `json:"failedDials"`
}

func main() {
	address := flag.String("address", "", "host:port of the server")
	path := flag.String("path", "/mutate?timeout=5s", "what is posted to")
	ca := flag.String("ca-file", "", "certificate that the server's is signed by")
	bodyFile := flag.String("body-file", "", "the review")
	connections := flag.Int("connections", 1, "how many at once")
	warmup := flag.Duration("warmup", 500*time.Millisecond, "load that is not counted, before the counted one")
	duration := flag.Duration("duration", 3*time.Second, "counted load")
	pid := flag.Int("pid", 0, "process of the server, whose CPU and memory are read")
	flag.Parse()

	client, err := newClient(*address, *path, *ca, *bodyFile)
	if err == nil {
		var r result
		if r, err = run(client, *connections, *warmup, *duration, *pid); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(r)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(client *client, connections int, warmup, duration time.Duration, pid int) (result, error) {
	start := time.Now()
	countFrom := start.Add(warmup)
	until := countFrom.Add(duration)

	loops := make([]*loop, connections)
	done := make(chan struct{}, connections)
	for i := range loops {
		loops[i] = &loop{client: client}
		if err := loops[i].dial(until); err != nil {
			return result{}, err
		}
	}
	// Connecting takes the server some milliseconds each: the clock starts when all are there.
	connected := time.Since(start)
	countFrom, until = countFrom.Add(connected), until.Add(connected)
	for _, l := range loops {
		go func() {
			l.run(countFrom, until)
			done <- struct{}{}
		}()
	}

	time.Sleep(time.Until(countFrom))
	before, err := observe(pid)
	if err != nil {
		return result{}, err
	}
	var rss int
	sampling := time.NewTicker(50 * time.Millisecond)
	defer sampling.Stop()
	for running := connections; running > 0; {
		select {
		case <-done:
			running--
		case <-sampling.C:
			rss = max(rss, memory(pid).rss)
		}
	}
	after, err := observe(pid)
	if err != nil {
		return result{}, err
	}

	r := result{
		Connections:   connections,
		Seconds:       after.at.Sub(before.at).Seconds(),
		LoadCPU:       after.own - before.own,
		ServerCPU:     after.server - before.server,
		ServerRSSKiB:  max(rss, after.memory.rss),
		ServerPeakKiB: after.memory.peak,
		StolenCPU:     after.stolen - before.stolen,
	}
	r.OthersCPU = max(0, after.busy-before.busy-r.LoadCPU-r.ServerCPU)

	var samples []time.Duration
	for _, l := range loops {
		samples = append(samples, l.samples...)
		r.Failures += l.failures
		r.FailedDial += l.failedDials
		if r.FirstFailure == "" && l.firstFailure != nil {
			r.FirstFailure = l.firstFailure.Error()
		}
		if l.answerBytes > 0 {
			r.AnswerBytes = l.answerBytes
		}
	}
	if len(samples) == 0 {
		return result{}, errors.New("no call was answered: " + r.FirstFailure)
	}
	slices.Sort(samples)
	r.Requests = len(samples)
	r.P50Micros = quantile(samples, 0.50)
	r.P90Micros = quantile(samples, 0.90)
	r.P99Micros = quantile(samples, 0.99)
	r.MaxMicros = quantile(samples, 1)
	return r, nil
}

// quantile of sorted samples, in microseconds: the smallest sample that at least q of all are not above.
func quantile(sorted []time.Duration, q float64) float64 {
	rank := int(q*float64(len(sorted))+0.999999) - 1
	return float64(sorted[min(max(rank, 0), len(sorted)-1)].Nanoseconds()) / 1000
}
