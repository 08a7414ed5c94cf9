package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The reference lists of feature gates of the newest two minors: a gate that only the older one has was removed.
var gateLists = []string{"1." + olderGates, "1." + patch(newest)}

const (
	olderGates     = "37.2"
	gateReferences = "test/compatibility_lifecycle/reference"
)

// gate is the history of a feature gate: when it came, and since when it has been locked.
type gate struct{ introduced, lockedSince, lockedValue, lastSeen string }

// writeGates writes the gates of both lists. The newer list wins.
func writeGates() error {
	known := map[string]gate{}
	horizon := ""
	for _, version := range gateLists {
		dir, day, err := download("k8s.io/kubernetes", "v"+version)
		if err != nil {
			return err
		}
		horizon = max(horizon, day)
		parts := strings.Split(version, ".")
		minor, references := parts[0]+"."+parts[1], filepath.Join(dir, gateReferences)
		if err := readGates(filepath.Join(references, "versioned_feature_list.yaml"), minor, known); err != nil {
			return err
		}
		if err := readOtherGates(filepath.Join(references, "feature_list.md"), minor, known); err != nil {
			return err
		}
	}
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Println("gate\tintroduced\tlocked_since\tlocked_value\tseen_in\thorizon")
	for _, name := range names {
		row := known[name]
		fmt.Println(strings.Join([]string{
			name, row.introduced, row.lockedSince, row.lockedValue, row.lastSeen, horizon,
		}, "\t"))
	}
	return nil
}

// readGates reads a list, whose keys of a version are sorted: default, lockToDefault, preRelease, version.
func readGates(path, minor string, known map[string]gate) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var name, value string
	var locked bool
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, text, _ := strings.Cut(strings.TrimLeft(lines.Text(), "- "), ": ")
		text = strings.Trim(text, "\"")
		switch key {
		case "name":
			name = text
			known[name] = gate{lastSeen: minor}
		case "default":
			value = text
		case "lockToDefault":
			locked = text == "true"
		case "version":
			row := known[name]
			if row.introduced == "" {
				row.introduced = text
			}
			switch {
			case !locked:
				row.lockedSince, row.lockedValue = "", ""
			case row.lockedValue != value:
				row.lockedSince, row.lockedValue = text, value
			}
			known[name] = row
		}
	}
	return lines.Err()
}

// readOtherGates reads the table of all gates for those that the list of histories lacks: those of client-go.
func readOtherGates(path, minor string, known map[string]gate) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	minors := regexp.MustCompile(`\d+\.\d+`)
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) != 9 || strings.HasPrefix(line, "| Feature ") {
			continue
		}
		name := strings.TrimPrefix(cells[0], "| ")
		if known[name].lastSeen == minor {
			continue
		}
		row := gate{lastSeen: minor, introduced: minors.FindString(strings.Join(cells[3:7], " "))}
		if row.lockedSince = minors.FindString(cells[2]); row.lockedSince != "" {
			row.lockedValue = strconv.FormatBool(cells[1] != "")
		}
		known[name] = row
	}
	return nil
}
