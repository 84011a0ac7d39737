// What client_golang takes for the work that shmeter-bench measures: counter and histogram updates, the lookup of a series by its
// label values, and scrapes through promhttp's handler. One thread runs Go code; CPU time of the process, garbage collection
// included. Prints lines "NAME NS".
package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sort"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	seriesN       = 100000
	familySeriesN = 1000
	rounds        = 5
)

func cpuNs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure prints the median over some rounds of what body takes for each of n pieces of work.
func measure(name string, n int, body func()) {
	body() // warms up
	var each []float64
	for i := 0; i < rounds; i++ {
		start := cpuNs()
		body()
		each = append(each, (cpuNs()-start)/float64(n))
	}
	sort.Float64s(each)
	fmt.Printf("go-%s %.9g\n", name, each[rounds/2])
}

// sink takes an answer and keeps nothing of it.
type sink struct {
	header http.Header
	bytes  int
	status int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) Write(b []byte) (int, error) {
	s.bytes += len(b)
	return len(b), nil
}
func (s *sink) WriteHeader(status int) { s.status = status }

func updates() {
	const n = 10000000
	labels := []string{"method", "path"}
	bounds := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100}
	counters := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}, labels)
	histograms := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "seconds", Help: "Time.", Buckets: bounds}, labels)
	counter := counters.WithLabelValues("GET", "/")
	histogram := histograms.WithLabelValues("GET", "/")
	measure("inc", n, func() {
		for i := 0; i < n; i++ {
			counter.Inc()
		}
	})
	var values [1024]float64
	for i := range values {
		values[i] = bounds[(i*7)%len(bounds)] * 0.9
	}
	measure("observe", n, func() {
		for i := 0; i < n; i++ {
			histogram.Observe(values[i%len(values)])
		}
	})
	var paths [100]string
	for i := range paths {
		paths[i] = fmt.Sprintf("/api/v1/items/%d", i)
		counters.WithLabelValues("GET", paths[i])
	}
	measure("lookup", n, func() {
		for i := 0; i < n; i++ {
			counters.WithLabelValues("GET", paths[i%len(paths)])
		}
	})
}

func scrapes() {
	methods := []string{"GET", "POST", "PUT", "DELETE"}
	registry := prometheus.NewRegistry()
	for family := 0; family < seriesN/familySeriesN; family++ {
		vec := prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: fmt.Sprintf("bench_%d_requests_total", family), Help: "One of many."}, []string{"method", "path"})
		registry.MustRegister(vec)
		for i := 0; i < familySeriesN; i++ {
			vec.WithLabelValues(methods[i%4], fmt.Sprintf("/api/v1/items/%d", i)).Add(float64(i*37 + 1))
		}
	}
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	formats := []struct{ name, accept string }{
		{"text", "text/plain;version=0.0.4"},
		{"openmetrics", "application/openmetrics-text;version=1.0.0"},
		{"protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"},
	}
	for _, format := range formats {
		for _, coding := range []struct{ suffix, accept string }{{"", "identity"}, {"-gzip", "gzip"}} {
			request, err := http.NewRequest("GET", "/metrics", nil)
			if err != nil {
				panic(err)
			}
			request.Header.Set("Accept", format.accept)
			request.Header.Set("Accept-Encoding", coding.accept)
			measure("counters-100k-"+format.name+coding.suffix, seriesN, func() {
				answer := &sink{header: http.Header{}, status: http.StatusOK}
				handler.ServeHTTP(answer, request)
				if answer.status != http.StatusOK || answer.bytes == 0 {
					fmt.Fprintln(os.Stderr, "a scrape failed")
					os.Exit(1)
				}
			})
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	updates()
	scrapes()
}
