package project.network

deny contains "not registered" if {
	http.send({"method": "get", "url": "https://registry.example"}).status_code != 200
}
