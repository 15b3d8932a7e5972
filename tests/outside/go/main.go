// Command verify checks what a ledger shows of its tree, with nothing of Aegis: the verifiers are
// golang.org/x/mod/sumdb (notes, tiles, proofs) and github.com/transparency-dev/merkle (proofs).
//
// It exits 0 when all is as claimed, 1 with one line on stderr when it is not, 2 for wrong usage.
package main

import (
	"fmt"
	"os"
	"strings"
)

const usage = `usage: verify COMMAND KEYS ARGUMENT...
  verify checkpoint KEYS CHECKPOINT          the note's signatures and its body
  verify inclusion KEYS PROOF LEAF           a tlog-proof, for the bytes of a leaf
  verify consistency KEYS OLD NEW HASHES     that checkpoint NEW extends checkpoint OLD
  verify tiles KEYS DIRECTORY                a static tree: checkpoint, tiles, entry bundles
KEYS is a file of verifier keys, one a line: the log's, and those of witnesses (each of which must
have cosigned every checkpoint that is read, but OLD).
`

// A command gets the files that its usage names, without the keys, and returns what it found.
type command struct {
	arguments int
	run       func(keys *keyring, arguments []string) (string, error)
}

var commands = map[string]command{
	"checkpoint":  {1, checkCheckpoint},
	"inclusion":   {2, checkInclusion},
	"consistency": {3, checkConsistency},
	"tiles":       {1, checkTiles},
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	chosen, known := commands[os.Args[1]]
	if !known || len(os.Args) != 3+chosen.arguments {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	found, err := run(chosen, os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "REFUSED: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
	fmt.Println(found)
}

func run(chosen command, keyFile string, arguments []string) (string, error) {
	keys, err := readKeys(keyFile)
	if err != nil {
		return "", err
	}
	return chosen.run(keys, arguments)
}

func checkCheckpoint(keys *keyring, arguments []string) (string, error) {
	checkpoint, err := keys.readCheckpoint(arguments[0], true)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("checkpoint of %s: %d entries, root %s", checkpoint.origin, checkpoint.size,
		checkpoint.root), nil
}
