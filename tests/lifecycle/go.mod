module lifecycle

go 1.23
