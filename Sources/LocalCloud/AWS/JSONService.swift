/// An AWS service that speaks the JSON 1.1 protocol: `X-Amz-Target: Prefix.Operation`.
protocol JSONService: Sendable {
    /// What stands before the dot of the target.
    static var targetPrefix: String { get }
    func perform(_ operation: String, _ input: JSONValue) async throws -> JSONValue
}

extension JSONService {
    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        let requestID = ResourceID.uuid()
        do {
            let target = call.header("x-amz-target") ?? ""
            guard target.hasPrefix(Self.targetPrefix + ".") else {
                throw AWSError("UnknownOperationException", "")
            }
            guard let input = JSONValue(parsing: call.body.isEmpty ? Array("{}".utf8) : call.body) else {
                throw AWSError("SerializationException", "")
            }
            let output = try await perform(String(target.dropFirst(Self.targetPrefix.count + 1)), input)
            return HTTPAnswer(
                status: 200, contentType: "application/x-amz-json-1.1",
                headers: [("x-amzn-requestid", requestID)], body: output.bytes)
        } catch let error as AWSError {
            return error.jsonAnswer(requestID: requestID)
        } catch {
            return AWSError("InternalServerError", "\(type(of: error))", status: 500)
                .jsonAnswer(requestID: requestID)
        }
    }
}

extension JSONValue {
    /// A member that must be there, or the service's validation error.
    func required(_ name: String) throws -> String {
        guard let value = self[name]?.string, !value.isEmpty else {
            throw AWSError(
                "ValidationException",
                "1 validation error detected: Value null at '\(name)' failed to satisfy constraint: "
                    + "Member must not be null")
        }
        return value
    }
}
