package redact

import (
	"regexp"
	"slices"
	"strings"
)

// What gives a secret away without its value being known. A name and a value behind it is a secret where the name says so;
// with a colon only in quotes or behind a space, which keeps ARNs ("…:secret:blog/dev/app") and prose ("secret: not found")
// as they are.
var (
	credentials = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+@`)
	// A token alone in a URL: "https://TOKEN@github.com/…". Of ssh it is a user's name.
	userinfo   = regexp.MustCompile(`(?i)(\bhttps?://)[^\s/:@]+@`)
	assignment = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:password|passwd|pwd|secret|token|credential|api_?key|access_?key|private_?key)[a-z0-9_]*["']?\s?=\s?)("[^"]*"|'[^']*'|[^\s,;&"']+)`)
	member     = regexp.MustCompile(`(?i)(["'][a-z0-9_.-]*(?:password|passwd|pwd|secret|token|credential|api_?key|access_?key|private_?key)[a-z0-9_-]*["']\s?:\s?)("[^"]*"|'[^']*'|[^\s,;&"'}]+)`)
	field      = regexp.MustCompile(`(?i)(\b[a-z0-9_.-]*(?:password|passwd|pwd|token|api_?key|secret_?access_?key|private_?key): )("[^"]*"|'[^']*'|[^\s,;&"')]+)`)
	header     = regexp.MustCompile(`(?i)(\bauthorization["']?\s?[:=]\s?["']?(?:[a-z]+ )?)[a-z0-9._~+/*-]{3,}=*`)
	// The ids of AWS keys have a form of their own; the secret half is known by what stands before it.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
	awsKey = regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)
)

// said is what MySQL says of a password in place of the password: "(using password: YES)".
var said = regexp.MustCompile(`(?i)^(yes|no|none|null|true|false|\*+)$`)

// Patterns hides what looks like a credential in a line of a log or a message. Most texts have none of the characters without
// which there is no match, and a plan has hundreds of thousands of them.
func Patterns(text string) string {
	if strings.ContainsAny(text, ":=") {
		text = hideAssigned(text)
	}
	if strings.Contains(text, "AKIA") || strings.Contains(text, "ASIA") {
		text = awsKey.ReplaceAllString(text, Hidden)
	}
	return text
}

// hideAssigned hides what a name, a scheme or a header in front of it says to be a credential.
func hideAssigned(text string) string {
	text = credentials.ReplaceAllString(text, "${1}"+Hidden+"@")
	text = userinfo.ReplaceAllString(text, "${1}"+Hidden+"@")
	for _, pattern := range []*regexp.Regexp{assignment, member, field} {
		text = pattern.ReplaceAllStringFunc(text, func(found string) string {
			parts := pattern.FindStringSubmatch(found)
			if said.MatchString(strings.Trim(parts[2], `"'`)) {
				return found
			}
			return parts[1] + Hidden
		})
	}
	return header.ReplaceAllString(text, "${1}"+Hidden)
}

var (
	// secretWord is a word in a name that makes its value a credential, and secretPart one that does so anywhere in it.
	secretWord = regexp.MustCompile(`(?i)^(pass|pwd|key|keys|auth|dsn|pin|salt|jwt|cookie|signature)$`)
	secretPart = regexp.MustCompile(`(?i)(password|passwd|passphrase|secret|token|credential|apikey|accesskey|privatekey)`)
	// wordEnd is what stands between the words of a name, or between the two halves of "apiKey".
	wordEnd = regexp.MustCompile(`[^A-Za-z0-9]+`)
	camel   = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	// material is what keys and tokens are made of, with nothing of a sentence, a path, a host or a file in it.
	material = regexp.MustCompile(`^[A-Za-z0-9+/_=-]{24,}$`)
	pem      = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY`)
	jwt      = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.`)
	// identifier is a value that looks random and is no credential: a commit or a digest, where the name says so.
	identifier = regexp.MustCompile(`(?i)(commit|sha|digest|revision|release|version|build)`)
)

// Value hides the value of a variable that looks like a credential, by its name or by itself. It rather hides too much:
// whatever is shown ends up in the logs of a CI run.
func Value(name, value string) string {
	if value == "" || strings.HasPrefix(value, "arn:") { // where a secret lies is none
		return value
	}
	if secretByName(name) || token(value) {
		return Hidden
	}
	if material.MatchString(value) && random(value) && !identifier.MatchString(name) {
		return Hidden
	}
	return Patterns(value)
}

// Attribute is Value for an attribute of a resource. Names of attributes say less than those of variables: the hash_key of a
// table is a column, and a kms_key_id and a checksum are shown everywhere. So a name hides only where it ends like a
// credential's, and what merely looks random is shown.
func Attribute(name, value string) string {
	if value == "" || strings.HasPrefix(value, "arn:") {
		return value
	}
	if secretEnd.MatchString(name) || token(value) {
		return Hidden
	}
	return Patterns(value)
}

// token says that a text holds a private key or a JSON Web Token.
func token(text string) bool {
	return pem.MatchString(text) || strings.Contains(text, "eyJ") && jwt.MatchString(text)
}

var secretEnd = regexp.MustCompile(`(?i)(password|passwd|passphrase|pwd|secret|token|api_?key|access_?key|private_?key|secret_?key|secret_string)$`)

func secretByName(name string) bool {
	if secretPart.MatchString(wordEnd.ReplaceAllString(name, "")) {
		return true
	}
	words := wordEnd.Split(camel.ReplaceAllString(name, "$1 $2"), -1)
	return slices.ContainsFunc(words, secretWord.MatchString)
}

// random says that a text has digits amid letters as no word has: hexadecimal, or capitals, small letters and digits mixed.
func random(value string) bool {
	hex := strings.Trim(value, "0123456789abcdefABCDEF") == ""
	digits := strings.ContainsAny(value, "0123456789")
	mixed := strings.ToLower(value) != value && strings.ToUpper(value) != value
	return digits && (hex || mixed)
}

// Words masks a command's words, each by itself and by the option before it: "--password", "x".
func Words(words []string) []string {
	masked := make([]string, len(words))
	for i, word := range words {
		masked[i] = Value("", word)
		if option, _, assigned := strings.Cut(word, "="); assigned && strings.HasPrefix(word, "-") && secretByName(option) {
			masked[i] = option + "=" + Hidden
		}
		if i > 0 && strings.HasPrefix(words[i-1], "-") && !strings.Contains(words[i-1], "=") && secretByName(words[i-1]) {
			masked[i] = Hidden
		}
	}
	return masked
}
