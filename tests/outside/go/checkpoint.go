package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	algorithmCosignature = 4
	cosignatureSize      = 8 + ed25519.SignatureSize
)

// A checkpoint whose signatures were verified.
type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// keyring is who is trusted: keys of the log, and witnesses.
type keyring struct {
	logs      []note.Verifier
	witnesses []note.Verifier
}

func readKeys(path string) (*keyring, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keys := &keyring{}
	for _, line := range strings.Fields(string(text)) {
		if witness, err := newWitness(line); err == nil {
			keys.witnesses = append(keys.witnesses, witness)
			continue
		}
		verifier, err := note.NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, line, err)
		}
		keys.logs = append(keys.logs, verifier)
	}
	if len(keys.logs) == 0 {
		return nil, fmt.Errorf("%s: no key of a log", path)
	}
	return keys, nil
}

func (keys *keyring) readCheckpoint(path string, cosigned bool) (*checkpoint, error) {
	signed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return keys.openCheckpoint(signed, cosigned)
}

// openCheckpoint demands a signature of the log whose name is the origin, and with cosigned one of
// each witness.
func (keys *keyring) openCheckpoint(signed []byte, cosigned bool) (*checkpoint, error) {
	all := append(append([]note.Verifier{}, keys.logs...), keys.witnesses...)
	opened, err := note.Open(signed, note.VerifierList(all...))
	if err != nil {
		return nil, err
	}
	result, err := parseCheckpoint(opened.Text)
	if err != nil {
		return nil, err
	}
	signers := map[string]bool{}
	for _, signature := range opened.Sigs {
		signers[signerID(signature.Name, signature.Hash)] = true
	}
	if !keys.signedByLog(result.origin, signers) {
		return nil, fmt.Errorf("no signature of a log named %q", result.origin)
	}
	for _, witness := range keys.witnesses {
		if cosigned && !signers[signerID(witness.Name(), witness.KeyHash())] {
			return nil, fmt.Errorf("no cosignature of %q", witness.Name())
		}
	}
	return result, nil
}

func (keys *keyring) signedByLog(origin string, signers map[string]bool) bool {
	for _, log := range keys.logs {
		if log.Name() == origin && signers[signerID(log.Name(), log.KeyHash())] {
			return true
		}
	}
	return false
}

func signerID(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// parseCheckpoint reads the body of a tlog-checkpoint, which has the log's own origin; sumdb's reader
// (tlog.ParseTree) knows one origin only.
func parseCheckpoint(text string) (*checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || lines[0] == "" {
		return nil, errors.New("checkpoint: three lines expected")
	}
	for _, extension := range lines[3:] {
		if extension == "" {
			return nil, errors.New("checkpoint: an empty extension line")
		}
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return nil, fmt.Errorf("checkpoint: size: %w", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return nil, errors.New("checkpoint: the root is not the base64 of a hash")
	}
	return &checkpoint{lines[0], size, root}, nil
}

// parseDecimal takes a number in the one form that the formats allow.
func parseDecimal(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 || strconv.FormatInt(number, 10) != text {
		return 0, fmt.Errorf("%q is no decimal number", text)
	}
	return number, nil
}

// witness verifies the cosignatures of c2sp.org/tlog-cosignature, which sumdb's notes do not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newWitness(text string) (*witness, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil || len(parts[1]) != 8 {
		return nil, errors.New("no key hash")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algorithmCosignature {
		return nil, errors.New("not the key of a witness")
	}
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if binary.BigEndian.Uint32(digest[:]) != uint32(hash) {
		return nil, errors.New("the key hash is not that of the key")
	}
	return &witness{parts[0], uint32(hash), key[1:]}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(message, signature []byte) bool {
	if len(signature) != cosignatureSize {
		return false
	}
	header := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(w.key, append([]byte(header), message...), signature[8:])
}
