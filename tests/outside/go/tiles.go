package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight  = 8
	bundleLevel = -1 // what sumdb calls the level of tiles with data
)

// memory is a whole tree's stored hashes, in the order of tlog.StoredHashIndex.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		if index < 0 || index >= int64(len(m)) {
			return nil, fmt.Errorf("no stored hash %d", index)
		}
		hashes = append(hashes, m[index])
	}
	return hashes, nil
}

// tilePath is where c2sp.org/tlog-tiles puts a tile; sumdb names the height and `data`.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// parseTilePath is the inverse; strict, as sumdb's parser is.
func parseTilePath(path string) (tlog.Tile, error) {
	rest := strings.TrimPrefix(path, "tile/")
	rest = strings.Replace(rest, "entries/", "data/", 1)
	tile, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, rest))
	if err != nil || tilePath(tile) != path {
		return tlog.Tile{}, fmt.Errorf("%s: not the path of a tile", path)
	}
	return tile, nil
}

// directory is a static tree. As a tlog.TileReader it is a client's view: tiles on demand, which
// tlog verifies against the checkpoint's root.
type directory string

func (d directory) Height() int                         { return tileHeight }
func (d directory) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		content, err := d.readTile(tile)
		if err != nil {
			return nil, err
		}
		data = append(data, content)
	}
	return data, nil
}

// readTile may take a narrower tile from the front of a full one.
func (d directory) readTile(tile tlog.Tile) ([]byte, error) {
	content, err := d.read(tile)
	if errors.Is(err, fs.ErrNotExist) && tile.W < 1<<tileHeight {
		full := tile
		full.W = 1 << tileHeight
		content, err = d.read(full)
	}
	if err != nil {
		return nil, err
	}
	if want := tile.W * tlog.HashSize; len(content) >= want {
		return content[:want], nil
	}
	return nil, fmt.Errorf("%s: too short", tilePath(tile))
}

func (d directory) read(tile tlog.Tile) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(d), filepath.FromSlash(tilePath(tile))))
}

// readEntries returns the leaves of a tree, each from its bundle.
func (d directory) readEntries(size int64) ([][]byte, error) {
	var entries [][]byte
	for n := int64(0); int64(len(entries)) < size; n++ {
		tile := tlog.Tile{H: tileHeight, L: bundleLevel, N: n, W: 1 << tileHeight}
		if left := size - int64(len(entries)); left < int64(tile.W) {
			tile.W = int(left)
		}
		content, err := d.read(tile)
		if err != nil {
			return nil, err
		}
		for i := 0; i < tile.W; i++ {
			var entry []byte
			if entry, content, err = takeEntry(content); err != nil {
				return nil, fmt.Errorf("%s: entry %d: %w", tilePath(tile), i, err)
			}
			entries = append(entries, entry)
		}
		if len(content) > 0 {
			return nil, fmt.Errorf("%s: %d bytes too many", tilePath(tile), len(content))
		}
	}
	return entries, nil
}

func takeEntry(content []byte) (entry, rest []byte, err error) {
	if len(content) < 2 {
		return nil, nil, errors.New("no length")
	}
	length := int(binary.BigEndian.Uint16(content))
	if len(content)-2 < length {
		return nil, nil, errors.New("cut short")
	}
	return content[2 : 2+length], content[2+length:], nil
}

// bundle is the content that an entry bundle of the given tile must have.
func bundle(tile tlog.Tile, entries [][]byte) []byte {
	first := tile.N << tileHeight
	var content []byte
	for _, entry := range entries[first : first+int64(tile.W)] {
		content = append(content, byte(len(entry)>>8), byte(len(entry)))
		content = append(content, entry...)
	}
	return content
}

// rebuild computes all hashes of the tree over the entries.
func rebuild(entries [][]byte) (memory, error) {
	var stored memory
	for i, entry := range entries {
		hashes, err := tlog.StoredHashes(int64(i), entry, stored)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashes...)
	}
	return stored, nil
}

// rootOf returns a tree's root as RFC 6962 has it, also for the empty tree, which sumdb leaves out.
func rootOf(stored memory, size int64) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, stored)
}

// checkTiles rebuilds the tree from the entry bundles alone, compares its root with the checkpoint
// and every file below tile/ with what the rebuilt tree has there, then asks for proofs as a client
// of the tiles does.
func checkTiles(keys *keyring, arguments []string) (string, error) {
	d := directory(arguments[0])
	tree, err := keys.readCheckpoint(filepath.Join(string(d), "checkpoint"), true)
	if err != nil {
		return "", err
	}
	entries, err := d.readEntries(tree.size)
	if err != nil {
		return "", err
	}
	stored, err := rebuild(entries)
	if err != nil {
		return "", err
	}
	root, err := rootOf(stored, tree.size)
	if err != nil {
		return "", err
	}
	if root != tree.root {
		return "", fmt.Errorf("the entries have the root %s, the checkpoint says %s", root, tree.root)
	}
	files, err := d.compare(stored, entries)
	if err != nil {
		return "", err
	}
	if err := d.prove(tree, entries); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries, %d tiles and bundles, root %s", tree.size, files, tree.root), nil
}

// compare checks each file below tile/, and that no tile of this size of the tree is missing.
func (d directory) compare(stored memory, entries [][]byte) (int, error) {
	seen := map[tlog.Tile]bool{}
	err := filepath.WalkDir(filepath.Join(string(d), "tile"),
		func(path string, entry fs.DirEntry, err error) error {
			if err != nil && errors.Is(err, fs.ErrNotExist) && len(entries) == 0 {
				return nil
			}
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(string(d), path)
			if err != nil {
				return err
			}
			tile, err := d.compareFile(filepath.ToSlash(name), stored, entries)
			seen[tile] = true
			return err
		})
	if err != nil {
		return 0, err
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, int64(len(entries))) {
		if !seen[tile] {
			return 0, fmt.Errorf("%s: missing", tilePath(tile))
		}
	}
	return len(seen), nil
}

func (d directory) compareFile(name string, stored memory, entries [][]byte) (tlog.Tile, error) {
	tile, err := parseTilePath(name)
	if err != nil {
		return tile, err
	}
	if !inTree(tile, int64(len(entries))) {
		return tile, fmt.Errorf("%s: beyond the tree", name)
	}
	var want []byte
	if tile.L == bundleLevel {
		want = bundle(tile, entries)
	} else if want, err = tlog.ReadTileData(tile, stored); err != nil {
		return tile, err
	}
	content, err := d.read(tile)
	if err != nil {
		return tile, err
	}
	if !bytes.Equal(content, want) {
		return tile, fmt.Errorf("%s: not the tile of these entries", name)
	}
	return tile, nil
}

func inTree(tile tlog.Tile, size int64) bool {
	width := size
	if tile.L > 0 {
		width >>= tileHeight * uint(tile.L)
	}
	first := tile.N << tileHeight
	return first>>tileHeight == tile.N && first+int64(tile.W) <= width
}

// prove gets, through the tiles alone, proofs for entries all over the tree and checks them.
func (d directory) prove(tree *checkpoint, entries [][]byte) error {
	if tree.size == 0 {
		return nil
	}
	reader := tlog.TileHashReader(tlog.Tree{N: tree.size, Hash: tree.root}, d)
	step := tree.size/16 + 1
	for index := tree.size - 1; index >= 0; index -= step {
		record, err := tlog.ProveRecord(tree.size, index, reader)
		if err != nil {
			return fmt.Errorf("entry %d through the tiles: %w", index, err)
		}
		if err := tlog.CheckRecord(record, tree.size, tree.root, index,
			tlog.RecordHash(entries[index])); err != nil {
			return fmt.Errorf("entry %d through the tiles: %w", index, err)
		}
		older, err := tlog.TreeHash(index+1, reader)
		if err != nil {
			return fmt.Errorf("size %d through the tiles: %w", index+1, err)
		}
		growth, err := tlog.ProveTree(tree.size, index+1, reader)
		if err != nil {
			return fmt.Errorf("size %d through the tiles: %w", index+1, err)
		}
		if err := tlog.CheckTree(growth, tree.size, tree.root, index+1, older); err != nil {
			return fmt.Errorf("size %d through the tiles: %w", index+1, err)
		}
	}
	return nil
}
