package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const ticksPerSecond = 100 // USER_HZ, the same on every Linux architecture that Go and Node support

// usage is what has been used up to a moment, in seconds of CPU.
type usage struct {
	at     time.Time
	server float64 // user and system time of the server
	own    float64 // the same of this process
	busy   float64 // of all processes, on all cores
	stolen float64 // by the hypervisor
	memory resident
}

type resident struct{ rss, peak int } // KiB

func observe(pid int) (usage, error) {
	server, err := processSeconds(pid)
	if err != nil {
		return usage{}, err
	}
	busy, stolen, err := machineSeconds()
	if err != nil {
		return usage{}, err
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return usage{}, err
	}
	return usage{
		at:     time.Now(),
		server: server,
		own:    seconds(own.Utime) + seconds(own.Stime),
		busy:   busy,
		stolen: stolen,
		memory: memory(pid),
	}, nil
}

func seconds(t syscall.Timeval) float64 { return time.Duration(t.Nano()).Seconds() }

// processSeconds reads utime and stime, fields 14 and 15 of /proc/PID/stat (proc_pid_stat(5)).
func processSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	afterName := text[bytes.LastIndexByte(text, ')')+2:] // the name may hold spaces; this starts at field 3
	return sumTicks(strings.Fields(string(afterName))[11:13])
}

// machineSeconds reads the first line of /proc/stat: cpu user nice system idle iowait irq softirq steal …
func machineSeconds() (busy, stolen float64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if busy, err = sumTicks(fields[1:4]); err != nil {
		return 0, 0, err
	}
	stolen, err = sumTicks(fields[8:9])
	return busy, stolen, err
}

func sumTicks(fields []string) (float64, error) {
	var sum int
	for _, field := range fields {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		sum += ticks
	}
	return float64(sum) / ticksPerSecond, nil
}

// memory of a process; zero when it is gone.
func memory(pid int) resident {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	var r resident
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch name {
		case "VmRSS":
			r.rss = kib
		case "VmHWM":
			r.peak = kib
		}
	}
	return r
}
