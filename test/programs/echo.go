// SPDX-License-Identifier: BSD-2-Clause

// An HTTP server and its client, built statically: Go makes its system calls
// itself, and its threads are interrupted by signals all the time.
//
//	echo serve ADDRESS
//	echo ask URL N      N requests, eight at a time; prints the sum of bytes
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

func serve(address string) error {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// Go's HTTP/1 server does not read on once it answers.
		body, err := io.ReadAll(r.Body)
		if err == nil {
			w.Write(body)
		}
	})
	return http.ListenAndServe(address, nil)
}

func askOnce(url string, body []byte) error {
	answer, err := http.Post(url, "text/plain", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Equal(got, body) {
		err = fmt.Errorf("%d bytes came back of %d", len(got), len(body))
	}
	return err
}

func ask(url string, n int64) error {
	var wait sync.WaitGroup
	var next, total int64
	var failed atomic.Value

	for i := 0; i < 8; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for atomic.AddInt64(&next, 1) <= n {
				body := bytes.Repeat([]byte("tern"), 5000)
				if err := askOnce(url, body); err != nil {
					failed.Store(err)
					return
				}
				atomic.AddInt64(&total, int64(len(body)))
			}
		}()
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return err.(error)
	}
	fmt.Println(total)
	return nil
}

func main() {
	var err error

	if os.Args[1] == "serve" {
		err = serve(os.Args[2])
	} else {
		n, _ := strconv.ParseInt(os.Args[3], 10, 64)
		err = ask(os.Args[2], n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
