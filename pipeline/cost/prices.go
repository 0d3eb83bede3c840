package cost

import (
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"math/big"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// A file per region, a line per price: the item, US dollars, the unit, the day that the price is known for, AWS's page, where
// it was read, and a sentence on what is doubtful about it, if anything is. docs/cost.md says how prices get here.
//
//go:embed prices/*.csv
var files embed.FS

// price is what one unit of something costs.
type price struct {
	usd  *big.Rat
	unit string
	asOf string // "2026-09-18"
	note string
}

// monthly is the price of a quantity that is there all month, to the cent.
func (p price) monthly(quantity *big.Rat) report.Cents {
	amount := new(big.Rat).Mul(p.usd, quantity)
	if strings.HasSuffix(p.unit, "hour") {
		amount.Mul(amount, big.NewRat(Hours, 1))
	}
	amount.Mul(amount, big.NewRat(100, 1))
	// Half a cent is rounded up; no amount is negative.
	amount.Add(amount, big.NewRat(1, 2))
	return report.Cents(new(big.Int).Quo(amount.Num(), amount.Denom()).Int64())
}

// ErrNoPrices is behind the failure for a region that there is no table of prices for.
var ErrNoPrices = errors.New("no prices")

// tables holds the prices of each region by item, like "nat-gateway.hour".
var tables = sync.OnceValues(func() (map[string]map[string]price, error) {
	names, err := files.ReadDir("prices")
	if err != nil {
		return nil, fmt.Errorf("read the prices: %w", err)
	}
	regions := map[string]map[string]price{}
	for _, name := range names {
		file, err := files.Open("prices/" + name.Name())
		if err != nil {
			return nil, fmt.Errorf("read the prices: %w", err)
		}
		lines, err := csv.NewReader(file).ReadAll()
		if err != nil {
			return nil, fmt.Errorf("read the prices in %s: %w", name.Name(), err)
		}
		table := map[string]price{}
		for _, line := range lines[1:] {
			usd, ok := new(big.Rat).SetString(line[1])
			if !ok {
				return nil, fmt.Errorf("read the prices in %s: %q is no number", name.Name(), line[1])
			}
			table[line[0]] = price{usd: usd, unit: line[2], asOf: line[3], note: line[6]}
		}
		regions[strings.TrimSuffix(path.Base(name.Name()), ".csv")] = table
	}
	return regions, nil
})

// Regions are the regions that there are prices of.
func Regions() ([]string, error) {
	all, err := tables()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// pricesOf returns the prices of a region; its failure for one without is ErrNoPrices.
func pricesOf(region string) (map[string]price, error) {
	all, err := tables()
	if err != nil {
		return nil, err
	}
	if table, found := all[region]; found {
		return table, nil
	}
	names, err := Regions()
	if err != nil {
		return nil, err
	}
	return nil, (&report.Failure{
		Reason: fmt.Sprintf("there are no prices for the region %q; there are for %s", region, strings.Join(names, ", ")),
		Effect: "nothing was estimated",
		Next:   "give one of these with --region for a comparison, or add a table of its own (docs/cost.md)",
	}).Because(ErrNoPrices)
}
