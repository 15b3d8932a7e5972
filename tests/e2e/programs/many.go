// Many connections at once: many COUNT HOST:PORT. Each sends its number and waits for it.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func one(peer string, number uint32) bool {
	connection, err := net.DialTimeout("tcp", peer, time.Minute)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	defer connection.Close()
	data, answer := make([]byte, 4), make([]byte, 4)
	binary.LittleEndian.PutUint32(data, number)
	if _, err = connection.Write(data); err != nil {
		return false
	}
	_, err = io.ReadFull(connection, answer)
	return err == nil && binary.LittleEndian.Uint32(answer) == number
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	var answered atomic.Int32
	var group sync.WaitGroup
	for number := 0; number < count; number++ {
		group.Add(1)
		go func(number uint32) {
			defer group.Done()
			if one(os.Args[2], number) {
				answered.Add(1)
			}
		}(uint32(number))
	}
	group.Wait()
	fmt.Println(answered.Load(), "answered")
}
