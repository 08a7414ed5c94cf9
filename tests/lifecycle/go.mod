module lifecycle

go 1.22
