package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// apiTable is the table whose removed APIs and replacements are compared.
const apiTable = "../../src/catalog/kubernetes/apis.tsv"

// writeFields writes how the fields of each removed API differ from those of its replacement: fields that the replacement
// does not have, and fields that it has and requires.
func writeFields() error {
	pairs, err := replacements()
	if err != nil {
		return err
	}
	sources, horizon, err := packages()
	if err != nil {
		return err
	}
	lines := []string{}
	for _, pair := range pairs {
		old, new := sources.fields(pair.from), sources.fields(pair.to)
		if old == nil || new == nil {
			continue
		}
		add := func(change, field string) {
			lines = append(lines, strings.Join([]string{pair.from.path(), pair.to.path(), change, field, horizon}, "\t"))
		}
		// A parent that is gone, or new, covers what is below it; below an opaque one nothing is known.
		for field := range old {
			if parent := parentOf(field); new[field] == 0 && (parent == "" || new.enters(parent)) {
				add("gone", field)
			}
		}
		for field, has := range new {
			if parent := parentOf(field); has&required > old[field]&required && (parent == "" || old.enters(parent)) {
				add("required", field)
			}
		}
	}
	slices.Sort(lines)
	fmt.Println("from\tto\tchange\tfield\thorizon")
	for _, line := range slices.Compact(lines) {
		fmt.Println(line)
	}
	return nil
}

// path is as the tables write a replacement.
func (a api) path() string { return a.group + "/" + a.version + "/" + a.kind }

// presence says what a version of an API has at a path.
type presence int

const (
	optional presence = 1 << iota
	required
	// Its type is one of another package, which is not entered.
	opaque
)

// paths are the JSON paths of a kind.
type paths map[string]presence

// enters says whether it is known what a version has below a path.
func (p paths) enters(path string) bool { return p[path] != 0 && p[path]&opaque == 0 }

// parentOf is the path of the object that has a field.
func parentOf(field string) string {
	at := strings.LastIndex(field, ".")
	return strings.TrimRight(field[:max(at, 0)], "[]{}")
}

type replacement struct{ from, to api }

// replacements returns the removed APIs of the table and what replaces them.
func replacements() ([]replacement, error) {
	text, err := os.ReadFile(apiTable)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	column := map[string]int{}
	for index, name := range strings.Split(lines[0], "\t") {
		column[name] = index
	}
	pairs := []replacement{}
	for _, line := range lines[1:] {
		row := strings.Split(line, "\t")
		to := strings.Split(row[column["replacement"]], "/")
		if row[column["removed"]] == "" || len(to) != 3 || row[column["listable"]] != "yes" {
			continue
		}
		pairs = append(pairs, replacement{
			api{row[column["group"]], row[column["version"]], row[column["kind"]]},
			api{to[0], to[1], to[2]},
		})
	}
	return pairs, nil
}

// types are those of a package, by name.
type types map[string]ast.Expr

// sources are the packages of each group and version, those of the oldest module first.
type sources map[string][]types

// fields returns the JSON paths of a kind, of the newest module that has it.
func (s sources) fields(kind api) paths {
	for _, found := range slices.Backward(s[kind.group+"/"+kind.version]) {
		if found[kind.kind] != nil {
			fields := paths{}
			found.fields(found[kind.kind], "", nil, fields)
			return fields
		}
	}
	return nil
}

// packages reads the packages of all groups and versions.
func packages() (sources, string, error) {
	found := sources{}
	horizon, err := eachModule(func(dir string, _, _ int) error {
		return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || entry.Name() != "types.go" {
				return err
			}
			group, ok, err := groupName(filepath.Join(filepath.Dir(path), "register.go"))
			if err != nil || !ok {
				return err
			}
			types, err := typesOf(filepath.Dir(path))
			key := group + "/" + filepath.Base(filepath.Dir(path))
			found[key] = append(found[key], types)
			return err
		})
	})
	return found, horizon, err
}

// typesOf returns the types of a package.
func typesOf(dir string) (types, error) {
	files, err := filepath.Glob(filepath.Join(dir, "types*.go"))
	if err != nil {
		return nil, err
	}
	found := types{}
	for _, path := range files {
		if strings.HasSuffix(path, "_swagger_doc_generated.go") || strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				if named, ok := spec.(*ast.TypeSpec); ok {
					found[named.Name.Name] = named.Type
				}
			}
		}
	}
	return found, nil
}

// fields adds the JSON paths below a type. Types of other packages are not entered, nor are status and metadata.
func (t types) fields(kind ast.Expr, prefix string, within []string, into paths) {
	switch kind := kind.(type) {
	case *ast.StarExpr:
		t.fields(kind.X, prefix, within, into)
	case *ast.ArrayType:
		t.fields(kind.Elt, prefix+"[]", within, into)
	case *ast.MapType:
		t.fields(kind.Value, prefix+"{}", within, into)
	case *ast.SelectorExpr:
		into[strings.TrimRight(prefix, "[]{}")] |= opaque
	case *ast.Ident:
		if next := t[kind.Name]; next != nil && !slices.Contains(within, kind.Name) {
			t.fields(next, prefix, append(slices.Clone(within), kind.Name), into)
		}
	case *ast.StructType:
		for _, field := range kind.Fields.List {
			if field.Tag == nil {
				continue
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				fail(err)
			}
			name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			if prefix == "" && (name == "status" || name == "metadata" || strings.Contains(options, "inline")) {
				continue
			}
			if name == "" {
				t.fields(field.Type, prefix, within, into)
				continue
			}
			path := strings.TrimPrefix(prefix+"."+name, ".")
			into[path] = required
			if strings.Contains(options, "omitempty") || strings.Contains(docOf(field), "+optional") {
				into[path] = optional
			}
			t.fields(field.Type, path, within, into)
		}
	}
}

// docOf is the raw comment of a field: Text leaves lines such as +optional out.
func docOf(field *ast.Field) string {
	if field.Doc == nil {
		return ""
	}
	lines := []string{}
	for _, comment := range field.Doc.List {
		lines = append(lines, comment.Text)
	}
	return strings.Join(lines, "\n")
}
