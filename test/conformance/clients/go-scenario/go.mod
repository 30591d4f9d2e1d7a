module odradek/conformance/go-scenario

go 1.26
