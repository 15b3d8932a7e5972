package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

const proofHeader = "c2sp.org/tlog-proof@v1"

// An inclusion proof as c2sp.org/tlog-proof writes it, its checkpoint not yet verified.
type inclusionProof struct {
	index  int64
	hashes []tlog.Hash
	signed []byte
}

func parseInclusionProof(text string) (*inclusionProof, error) {
	head, signed, found := strings.Cut(text, "\n\n")
	if !found {
		return nil, errors.New("proof: no checkpoint")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != proofHeader {
		return nil, fmt.Errorf("proof: %q expected, not %q", proofHeader, lines[0])
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return nil, errors.New("proof: no index")
	}
	index, err := parseDecimal(strings.TrimPrefix(lines[0], "index "))
	if err != nil {
		return nil, fmt.Errorf("proof: index: %w", err)
	}
	hashes, err := parseHashes(lines[1:])
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	return &inclusionProof{index, hashes, []byte(signed)}, nil
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil || hash.String() != line {
			return nil, fmt.Errorf("%q is not the base64 of a hash", line)
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// sliced gives hashes the type that transparency-dev/merkle has for them.
func sliced(hashes []tlog.Hash) [][]byte {
	var result [][]byte
	for i := range hashes {
		result = append(result, hashes[i][:])
	}
	return result
}

// checkInclusion lets both libraries judge the proof.
func checkInclusion(keys *keyring, arguments []string) (string, error) {
	text, err := os.ReadFile(arguments[0])
	if err != nil {
		return "", err
	}
	leaf, err := os.ReadFile(arguments[1])
	if err != nil {
		return "", err
	}
	claim, err := parseInclusionProof(string(text))
	if err != nil {
		return "", err
	}
	tree, err := keys.openCheckpoint(claim.signed, true)
	if err != nil {
		return "", err
	}
	leafHash := rfc6962.DefaultHasher.HashLeaf(leaf)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(claim.index), uint64(tree.size),
		leafHash, sliced(claim.hashes), tree.root[:]); err != nil {
		return "", fmt.Errorf("merkle: %w", err)
	}
	if err := tlog.CheckRecord(claim.hashes, tree.size, tree.root, claim.index,
		tlog.RecordHash(leaf)); err != nil {
		return "", fmt.Errorf("tlog: %w", err)
	}
	return fmt.Sprintf("entry %d is in the tree of %d entries", claim.index, tree.size), nil
}

func checkConsistency(keys *keyring, arguments []string) (string, error) {
	older, err := keys.readCheckpoint(arguments[0], false)
	if err != nil {
		return "", fmt.Errorf("%s: %w", arguments[0], err)
	}
	newer, err := keys.readCheckpoint(arguments[1], true)
	if err != nil {
		return "", fmt.Errorf("%s: %w", arguments[1], err)
	}
	text, err := os.ReadFile(arguments[2])
	if err != nil {
		return "", err
	}
	var lines []string
	if len(text) > 0 {
		lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	hashes, err := parseHashes(lines)
	if err != nil {
		return "", err
	}
	if older.origin != newer.origin {
		return "", fmt.Errorf("checkpoints of two logs, %q and %q", older.origin, newer.origin)
	}
	if err := extends(older, newer, hashes); err != nil {
		return "", err
	}
	return fmt.Sprintf("the tree of %d entries extends that of %d", newer.size, older.size), nil
}

// extends lets both libraries judge, but for an empty older tree, which only one of them knows.
func extends(older, newer *checkpoint, hashes []tlog.Hash) error {
	if older.size == 0 && string(older.root[:]) != string(rfc6962.DefaultHasher.EmptyRoot()) {
		return errors.New("the older tree is empty, its root is not that of an empty tree")
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(older.size), uint64(newer.size),
		sliced(hashes), older.root[:], newer.root[:]); err != nil {
		return fmt.Errorf("merkle: %w", err)
	}
	if older.size == 0 {
		return nil
	}
	if err := tlog.CheckTree(hashes, newer.size, newer.root, older.size, older.root); err != nil {
		return fmt.Errorf("tlog: %w", err)
	}
	return nil
}
