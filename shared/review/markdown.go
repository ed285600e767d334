package review

import (
	"strings"
	"unicode"
)

// Texts in a comment come from strangers: file names, messages of rules,
// property values. On GitHub a text may mention people (@), close issues (#),
// hide in HTML, end a table's cell, or write a link that says something else
// than where it leads.
// Source: GitHub docs, "Basic writing and formatting syntax"; GitHub Flavored
// Markdown spec, sections 4.10 (tables), 6.9 (autolinks).

// zero keeps two characters from being read as one mark.
const zero = "\u200b"

var marks = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "]", `\]`, "!", `\!`, "|", `\|`,
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@"+zero, "#", "#"+zero, "://", ":"+zero+"//", "www.", "www"+zero+".", "GH-", "GH"+zero+"-",
)

// inline escapes text for a sentence or a cell of a table.
func inline(text string, limit int) string {
	return marks.Replace(clip(visible(strings.Join(strings.Fields(text), " ")), limit))
}

// code puts text between backticks, of which there are more than in the text.
// In a table a bar ends the cell even there.
func code(text string) string {
	text = strings.ReplaceAll(clip(visible(strings.Join(strings.Fields(text), " ")), 300), "|", `\|`)
	ticks := strings.Repeat("`", longest(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// visible drops what is not shown or changes the order of what is.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		default:
			return r
		}
	}, text)
}

// longest is the length of the longest row of the character.
func longest(text string, of rune) int {
	most, row := 0, 0
	for _, r := range text {
		if row++; r != of {
			row = 0
		}
		most = max(most, row)
	}
	return most
}

func clip(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
