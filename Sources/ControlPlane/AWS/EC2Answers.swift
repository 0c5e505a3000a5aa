/// What of an instance the platform reads. Source: the data type Instance.
struct EC2Instance: Decodable, Sendable {
    var id: String
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
    var state: String
    var privateIPAddress: String?
    var clientToken: String?
    var tags: [String: String]

    private enum CodingKeys: String, CodingKey {
        case instanceId, instanceState, privateIpAddress, clientToken, tagSet
    }

    private struct State: Decodable { var name: String }

    private struct Tag: Decodable {
        var key: String
        var value: String?
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .instanceId)
        state = try container.decode(State.self, forKey: .instanceState).name
        privateIPAddress = try container.decodeIfPresent(String.self, forKey: .privateIpAddress)
            .flatMap { $0.isEmpty ? nil : $0 }
        clientToken = try container.decodeIfPresent(String.self, forKey: .clientToken)
        let set = try container.decodeIfPresent(ItemSet<Tag>.self, forKey: .tagSet)
        tags = Dictionary(set?.items.map { ($0.key, $0.value ?? "") } ?? [], uniquingKeysWith: { $1 })
    }
}

/// EC2's lists: `<set><item>...</item></set>`, with no item when empty.
struct ItemSet<Item: Decodable & Sendable>: Decodable, Sendable {
    var items: [Item]

    private enum CodingKeys: String, CodingKey { case item }

    init(from decoder: any Decoder) throws {
        items =
            try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent([Item].self, forKey: .item) ?? []
    }
}

struct RunInstancesAnswer: Decodable {
    var instancesSet: ItemSet<EC2Instance>
}

struct DescribeInstancesAnswer: Decodable {
    struct Reservation: Decodable, Sendable {
        var instancesSet: ItemSet<EC2Instance>
    }

    var reservationSet: ItemSet<Reservation>
    var nextToken: String?
}

struct ConsoleOutputAnswer: Decodable {
    var output: String?
}

/// An answer of which nothing but its success matters.
struct RequestOnly: Decodable {
    var requestId: String?
}
