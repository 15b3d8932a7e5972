// Fetches URLs, one after the other, with Go's own resolver, TLS and HTTP, as a static program.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func fetch(url string) {
	response, err := http.Get(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Print(response.Proto, " ", response.StatusCode, " ", string(body))
}

func main() {
	for _, url := range os.Args[1:] {
		fetch(url)
	}
}
