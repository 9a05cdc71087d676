module migrate.io/bench/load

go 1.26
