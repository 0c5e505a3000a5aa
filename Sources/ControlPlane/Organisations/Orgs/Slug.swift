import AdminProtocol

/// The name of an organisation in its hostname: `^[a-z][a-z0-9-]{2,31}$`, immutable.
package struct Slug: Sendable, Hashable, CustomStringConvertible {
    package static let lengths = 3...32
    /// Hostnames that the platform itself uses or may use, those that mail, certificates and browsers give a
    /// meaning (RFC 2142 and its like), and those that a customer's page could pretend to be the platform by.
    static let reserved = Set(
        """
        about abuse access account accounts admin administrator alert alerts analytics api apis app apps
        asset assets auth autoconfig autodiscover backup billing blog build cache calendar cdn chat
        checkout clients community config connect console contact control control-plane cp dashboard data
        dev developer developers dns docs download downloads edge email enterprise events exchange feed
        files forum ftp gateway git grafana graph health help host hostmaster hosting http https id
        identity image images imap info internal invite invoice invoices ipv4 ipv6 jobs join kubernetes
        legal link links live local localhost log login logout logs mail mailer manage marketing mcp media
        metrics mobile molecule monitor monitoring mta-sts mx my network news newsletter noc no-reply
        noreply none ns1 ns2 ns3 ns4 null oauth oidc ops origin packages partner partners pay payment
        payments ping platform policy pop pop3 portal portainer postmaster preview pricing privacy prod
        production profile prometheus proxy public pull push queue redis register registry remote reports
        root rss sales sandbox search secure security server servers service services session sessions
        settings setup shop sign-in sign-up signin signout signup sip site sites smtp sso stage staging
        stat static statistics stats status storage store stripe support sysadmin system telemetry tenant
        tenants terms test testing token tokens tools trace trust tunnel undefined update updates upload
        uploads user users vault verify video vpn web webhook webhooks webmail webmaster website wiki
        workspace workspaces wpad www www1 www2 www3
        """.split { $0 == " " || $0 == "\n" }.map(String.init))
    /// What names of its own certificates and name servers begin with: punycode, and the platform's name.
    static let reservedPrefixes = ["xn--", "molecule-"]

    package let text: String
    package var description: String { text }

    /// - Throws: `AppError` `invalid_slug` that says what a slug looks like.
    package init(_ text: String) throws {
        let bytes = Array(text.utf8)
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard Self.lengths.contains(bytes.count), letters.contains(bytes[0]),
            bytes.allSatisfy({ letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "-") })
        else {
            throw AppError.invalidField(
                "slug", "A slug has 3 to 32 characters of a-z, 0-9 and -, and begins with a letter.")
        }
        self.text = text
    }

    /// A slug that a new organisation may take.
    package static func forNewOrg(_ text: String) throws -> Slug {
        let slug = try Slug(text)
        let isReserved = reserved.contains(slug.text) || reservedPrefixes.contains { slug.text.hasPrefix($0) }
        guard !isReserved else {
            throw AppError.invalidField("slug", "The slug \"\(slug)\" is reserved. Choose another.")
        }
        return slug
    }
}
