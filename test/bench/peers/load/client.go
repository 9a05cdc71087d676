package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const patience = 10 * time.Second // how long a call may take; the API server's own default is 10 s

var allowed = []byte(`"allowed":true`)

// client holds what all connections share: the bytes of the request are made once.
type client struct {
	address string
	tls     *tls.Config
	request []byte
	method  *http.Request // tells http.ReadResponse how to read the answer
}

func newClient(address, path, caFile, bodyFile string) (*client, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	body, err := os.ReadFile(bodyFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}

	var request bytes.Buffer
	fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: %s\r\n", path, address)
	request.WriteString("User-Agent: kube-apiserver-admission\r\nAccept: application/json, */*\r\n")
	request.WriteString("Content-Type: application/json\r\nAccept-Encoding: gzip\r\n")
	fmt.Fprintf(&request, "Content-Length: %d\r\n\r\n", len(body))
	request.Write(body)

	return &client{
		address: address,
		tls:     &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}},
		request: request.Bytes(),
		method:  &http.Request{Method: http.MethodPost},
	}, nil
}

// loop is one connection and what was measured on it.
type loop struct {
	client       *client
	connection   *tls.Conn
	reader       *bufio.Reader
	answer       bytes.Buffer
	answerBytes  int
	samples      []time.Duration
	failures     int
	failedDials  int
	firstFailure error
}

func (l *loop) dial(until time.Time) error {
	connection, err := tls.Dial("tcp", l.client.address, l.client.tls)
	if err != nil {
		return err
	}
	if p := connection.ConnectionState().NegotiatedProtocol; p != "" && p != "http/1.1" {
		return errors.New("the server chose " + p)
	}
	if err := connection.SetDeadline(until.Add(patience)); err != nil {
		return err
	}
	l.connection, l.reader = connection, bufio.NewReaderSize(connection, 16<<10)
	return nil
}

func (l *loop) run(countFrom, until time.Time) {
	defer func() { l.connection.Close() }()
	for {
		start := time.Now()
		if !start.Before(until) {
			return
		}
		err := l.call()
		took := time.Since(start)
		if err != nil {
			l.fail(err)
			l.connection.Close()
			if err := l.dial(until); err != nil {
				l.failedDials++
				return
			}
			continue
		}
		if !start.Before(countFrom) {
			l.samples = append(l.samples, took)
		}
	}
}

func (l *loop) call() error {
	if _, err := l.connection.Write(l.client.request); err != nil {
		return err
	}
	response, err := http.ReadResponse(l.reader, l.client.method)
	if err != nil {
		return err
	}
	l.answer.Reset()
	if _, err := io.Copy(&l.answer, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %.200s", response.StatusCode, l.answer.Bytes())
	}
	if !bytes.Contains(l.answer.Bytes(), allowed) {
		return fmt.Errorf("not allowed: %.200s", l.answer.Bytes())
	}
	if l.answerBytes == 0 {
		l.answerBytes = l.answer.Len()
	}
	if l.answer.Len() != l.answerBytes {
		return fmt.Errorf("an answer of %d bytes after one of %d", l.answer.Len(), l.answerBytes)
	}
	if response.Close {
		return errors.New("the server closes the connection")
	}
	return nil
}

func (l *loop) fail(err error) {
	l.failures++
	if l.firstFailure == nil {
		l.firstFailure = err
	}
}
