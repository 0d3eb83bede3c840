package cost

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// extended are major versions whose standard support has ended. RDS charges the same instance more for them, by the vCPU.
//
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html
var extended = map[string][]string{
	"mysql":    {"5.7", "8.0"},
	"postgres": {"11", "12", "13"},
}

// database counts an RDS instance and its storage; a standby in another zone doubles both.
//
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_OnDemandDBInstances.html
func database(r *resource) {
	for _, attribute := range []string{"engine", "instance_class"} {
		if r.isUnknown(attribute) {
			r.doubt("the instance: its " + attribute + " is known only after apply")
			return
		}
	}
	// A multi_az that the configuration doesn't set is unknown too, and comes out false.
	engine, class, standby := r.text("engine"), r.text("instance_class"), r.flag("multi_az")
	instance(r, engine, class, standby)
	storage(r, standby)

	version := r.text("engine_version")
	for _, major := range extended[engine] {
		if version == major || strings.HasPrefix(version, major+".") {
			r.doubt(fmt.Sprintf("Extended Support of %s %s, which is charged by the vCPU-hour: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-charges.html", engine, major))
		}
	}
	if r.flag("publicly_accessible") {
		r.fixed("public IPv4 address", "public-ipv4.hour", one)
	}
	// Seven days are free: https://aws.amazon.com/rds/performance-insights/pricing/
	if r.flag("performance_insights_enabled") && r.number("performance_insights_retention_period") > 7 {
		r.doubt("Performance Insights kept for longer than seven days")
	}
	if r.flag("dedicated_log_volume") {
		r.doubt("its dedicated log volume")
	}
	if r.number("backup_retention_period") > 0 {
		r.use("RDS, backups beyond the size of the database", "rds.backup.gb-month")
	}
}

func instance(r *resource, engine, class string, standby bool) {
	item := "rds." + engine + "." + class
	if !standby {
		r.fixed(class, item+".hour", one)
		return
	}
	if _, ok := r.look(item + ".multi-az.hour"); ok {
		r.fixed(class+" with a standby", item+".multi-az.hour", one)
		return
	}
	if _, ok := r.look(item + ".hour"); ok {
		r.assume("a standby costs as much as the instance: the prices of %s have none of their own for %s with %s and a standby", r.region, class, engine)
	}
	r.fixed(class+" with a standby", item+".hour", big.NewRat(2, 1))
}

func storage(r *resource, standby bool) {
	size := r.number("allocated_storage")
	if size == 0 {
		r.doubt("the storage: allocated_storage is known only after apply")
		return
	}
	kind, iops := r.text("storage_type"), r.number("iops")
	if kind == "" {
		// https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/db_instance#storage_type-1
		if kind = "gp2"; iops > 0 {
			kind = "io1"
		}
		r.assume("%s has storage of type %s, which is the default", r.address, kind)
	}
	item := "rds." + kind + ".gb-month"
	if standby {
		item = "rds." + kind + ".multi-az.gb-month"
	}
	r.fixed(fmt.Sprintf("%d GB %s", size, kind), item, big.NewRat(size, 1))
	if most := r.number("max_allocated_storage"); most > size {
		r.use(fmt.Sprintf("RDS, storage that grows by itself, up to %d GB", most), item)
	}
	if kind == "gp3" && iops > included(size) || slices.Contains([]string{"io1", "io2"}, kind) {
		r.doubt("its provisioned IOPS")
	}
}

// included are the IOPS that gp3 storage has without a further charge, with MySQL, MariaDB and PostgreSQL.
//
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
func included(size int64) int64 {
	if size >= 400 {
		return 12000
	}
	return 3000
}
