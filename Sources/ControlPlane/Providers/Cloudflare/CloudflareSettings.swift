/// Where Cloudflare is called, as whom, and the places that may hold tenants.
package struct CloudflareSettings: Sendable {
    package var apiURL: String
    package var apiToken: String
    /// At least one.
    package var places: [CloudflarePlace]

    package init(apiURL: String, apiToken: String, places: [CloudflarePlace]) {
        self.apiURL = apiURL
        self.apiToken = apiToken
        self.places = places
    }

    /// From 1; places with the same token have the same number.
    func tokenNumber(of place: CloudflarePlace) -> Int {
        var tokens = [apiToken]
        for token in places.map({ $0.apiToken ?? apiToken }) where !tokens.contains(token) {
            tokens.append(token)
        }
        return 1 + (tokens.firstIndex(of: place.apiToken ?? apiToken) ?? 0)
    }
}
