#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One SendCommand, checked.
struct Command: Sendable {
    static let maximumCommentLength = 100
    static let deliverySeconds = 30...2_592_000
    static let executionSeconds = 1...172_800

    let id = ResourceID.uuid()
    let document: String
    let instances: [String]
    /// By which they were found; empty when InstanceIds named them.
    let targets: [JSONValue]
    let script: ShellScript
    let comment: String
    let requestedAt = Date()
    let visibleAt: ContinuousClock.Instant
    /// How long an instance whose turn has come may take to take it, in seconds.
    let deliveryTimeout: Int
    let parameters: JSONValue
    let concurrency: RateControl
    let errors: RateControl

    /// - Parameter lag: how long it stays invisible to reads.
    init(_ input: JSONValue, document: String, instances: [String], lag: Duration) throws {
        self.document = document
        self.instances = instances
        targets = input["Targets"]?.array ?? []
        parameters = input["Parameters"] ?? [:]
        visibleAt = Visibility.instant(lag: lag)
        comment = input["Comment"]?.string ?? ""
        deliveryTimeout = input["TimeoutSeconds"]?.integer ?? 3600
        concurrency = try RateControl(input, "MaxConcurrency", standard: "50", minimum: 1)
        errors = try RateControl(input, "MaxErrors", standard: "0", minimum: 0)
        guard Self.deliverySeconds.contains(deliveryTimeout) else {
            throw AWSError("ValidationException", "TimeoutSeconds must be 30 to 2592000")
        }
        guard comment.count <= Self.maximumCommentLength else {
            throw AWSError(
                "ValidationException", "Comment has at most \(Self.maximumCommentLength) characters")
        }
        script = try Self.script(parameters)
    }

    /// The parameters of AWS-RunShellScript.
    private static func script(_ parameters: JSONValue) throws -> ShellScript {
        guard let lines = parameters["commands"]?.strings, !lines.isEmpty else {
            throw AWSError("InvalidParameters", "Parameter \"commands\" is required")
        }
        let known: Set<String> = ["commands", "workingDirectory", "executionTimeout"]
        if let unknown = parameters.object?.keys.first(where: { !known.contains($0) }) {
            throw AWSError("InvalidParameters", "Parameter \"\(unknown)\" is not in the document")
        }
        let timeout = parameters["executionTimeout"]?.strings?.first ?? "3600"
        guard let seconds = Int(timeout), executionSeconds.contains(seconds) else {
            throw AWSError("InvalidParameters", "executionTimeout must be 1 to 172800 seconds")
        }
        let directory = parameters["workingDirectory"]?.strings?.first
        return ShellScript(
            text: lines.joined(separator: "\n"),
            workingDirectory: directory?.isEmpty == false ? directory : nil, timeout: .seconds(seconds))
    }

    var maximumConcurrency: Int { max(1, concurrency.count(of: instances.count)) }
    var maximumErrors: Int { errors.count(of: instances.count) }

    /// When whatever has not ended has timed out: after the delivery and the execution timeout.
    var expiresAt: Date {
        requestedAt.addingTimeInterval(Double(deliveryTimeout) + script.timeout / .seconds(1))
    }
}
