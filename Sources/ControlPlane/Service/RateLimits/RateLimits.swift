import FoundationEssentials

/// How much is too much, by route class: requests a minute from one address, and with one credential.
package struct RateLimits: Sendable, Equatable {
    package struct Rates: Sendable, Equatable {
        /// nil: no limit.
        var address: Int?
        package var credential: Int?

        package init(address: Int? = nil, credential: Int? = nil) {
            self.address = address
            self.credential = credential
        }
    }

    /// Organisations that one user makes in a day (UTC), and that one address does.
    var signupsPerUserDay = 10
    var signupsPerAddressDay = 50
    private(set) var rates: [RouteClass: Rates]

    /// Instances and tenants are limited by their credential: a fleet behind one NAT gateway has one address.
    /// Tenants also hand on what browsers ask of `/cp/auth` and `/cp/orgs`, from their own address.
    static let standard: [RouteClass: Rates] = [
        .probe: Rates(),
        .open: Rates(address: 1_200),
        .signIn: Rates(address: 300),
        .user: Rates(address: 12_000, credential: 600),
        .signUp: Rates(address: 60, credential: 20),
        .customers: Rates(address: 12_000, credential: 600),
        .operators: Rates(address: 12_000, credential: 6_000),
        .boot: Rates(credential: 600),
        .enrolment: Rates(address: 12_000, credential: 600),
        .tenant: Rates(address: 60_000, credential: 600),
        .webhook: Rates(address: 6_000),
    ]

    /// As in the variable: `<class>.address`, `<class>.credential`, and the two of a day.
    static let names: [String] =
        RouteClass.allCases.flatMap { ["\($0.rawValue).address", "\($0.rawValue).credential"] }
        + [userDayName, addressDayName]
    static let userDayName = "sign_up.user_day"
    static let addressDayName = "sign_up.address_day"

    package init() { rates = Self.standard }

    /// - Parameter overrides: by name; 0: no limit. nil for a name that is not known, or a negative number.
    package init?(overrides: [String: Int]) {
        self.init()
        for (name, value) in overrides {
            guard Self.names.contains(name), value >= 0 else { return nil }
            set(name, value)
        }
    }

    private mutating func set(_ name: String, _ value: Int) {
        switch name {
        case Self.userDayName: signupsPerUserDay = value
        case Self.addressDayName: signupsPerAddressDay = value
        default:
            let words = name.split(separator: ".").map(String.init)
            guard let routes = RouteClass(rawValue: words[0]) else { return }
            let limit = value == 0 ? nil : value
            if words[1] == "address" {
                rates[routes, default: Rates()].address = limit
            } else {
                rates[routes, default: Rates()].credential = limit
            }
        }
    }

    package subscript(_ routes: RouteClass) -> Rates { rates[routes] ?? Rates() }
}
