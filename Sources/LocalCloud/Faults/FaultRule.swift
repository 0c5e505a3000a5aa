#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What can go wrong with one provider call.
enum Fault: String, Codable, Sendable, CaseIterable {
    /// It takes effect, and the connection is closed without an answer.
    case lostReply = "lost_reply"
    /// The connection is closed before it takes effect.
    case reset
    /// Refused before it takes effect.
    case status500 = "status_500"
    case status503 = "status_503"
    /// It takes effect, and is answered as by `status_500`.
    case late500 = "late_500"
    /// The service's own answer to too many requests, before it takes effect.
    case throttle
    /// EC2's own answer when it has no such instance left, before it takes effect.
    case noCapacity = "no_capacity"
    /// It takes effect; nothing is said for a while, then the connection is closed.
    case silence
    /// It takes effect; the answer is a 200 whose body is cut off.
    case malformed
    /// It takes effect and is answered; what it created stays invisible to describe and list calls.
    case hidden
    /// It takes effect, and is answered, only after a while.
    case delay
    /// It arrives twice; the second answer is given.
    case duplicate
}

/// Which calls a fault befalls, and how many of them.
struct FaultRule: Codable, Sendable, Equatable {
    static let services: Set<String> = ["ec2", "ssm", "kms", "ecr", "cloudflare", "stripe", "*"]
    static let longestSeconds = 3600.0

    var service: String
    var operation: String
    var fault: Fault
    /// Matching calls that are left alone first.
    var skip: Int
    /// Matching calls that are befallen after those.
    var count: Int
    /// Of the silence, of the invisibility, of the delay, or said in Retry-After.
    var seconds: Double

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        service = try container.decodeIfPresent(String.self, forKey: .service) ?? "*"
        operation = try container.decodeIfPresent(String.self, forKey: .operation) ?? "*"
        fault = try container.decode(Fault.self, forKey: .fault)
        skip = try container.decodeIfPresent(Int.self, forKey: .skip) ?? 0
        count = try container.decodeIfPresent(Int.self, forKey: .count) ?? 1
        seconds = try container.decodeIfPresent(Double.self, forKey: .seconds) ?? 30
    }

    func matches(_ service: String, _ operation: String) -> Bool {
        (self.service == "*" || self.service == service)
            && (self.operation == "*" || self.operation == operation)
    }

    /// Why the rule cannot hold; nil for a good one.
    var mistake: String? {
        if !Self.services.contains(service) { return "service is one of \(Self.services.sorted())" }
        if operation.isEmpty { return "operation is a name or *" }
        if skip < 0 || count < 1 { return "skip is at least 0, count at least 1" }
        if !(0...Self.longestSeconds).contains(seconds) { return "seconds is 0 to \(Self.longestSeconds)" }
        return nil
    }
}

/// The body of `PUT /_localcloud/faults`.
struct FaultRules: Codable, Sendable {
    static let maximum = 1000

    var rules: [FaultRule]

    struct Mistake: Error, CustomStringConvertible { let description: String }

    /// Refuses with a text that names what is wrong.
    init(parsing bytes: [UInt8]) throws {
        do {
            self = try JSONDecoder().decode(FaultRules.self, from: Data(bytes))
        } catch let DecodingError.keyNotFound(key, _) {
            throw Mistake(description: "\(key.stringValue) is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context) {
            throw Mistake(description: "\(Self.path(context)) has the wrong type")
        } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
            let faults = Fault.allCases.map(\.rawValue)
            throw Mistake(description: "\(Self.path(context)) is not one of \(faults)")
        } catch {
            throw Mistake(description: "not JSON")
        }
        guard rules.count <= Self.maximum else { throw Mistake(description: "at most \(Self.maximum) rules") }
        for (index, rule) in rules.enumerated() {
            if let mistake = rule.mistake { throw Mistake(description: "rules.\(index): \(mistake)") }
        }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}
