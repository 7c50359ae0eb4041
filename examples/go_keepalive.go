// SPDX-License-Identifier: BSD-2-Clause

// A server as one writes it in Go: nothing is said of keep-alive, and each
// connection has it (net.ListenConfig: every 15 s).
package main

import (
	"io"
	"net"
)

func main() {
	l, err := net.Listen("tcp", ":80")
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}
