import HTTPTypes
import Hummingbird

/// Routes for workspaces' runtimes, which reach this server over the instance's own networks. Whoever comes
/// through the tunnel is told that there is nothing: the edge marks every request that it carries, and its
/// clients cannot take the mark off.
enum InsideOnly {
    private static let marks = ["CF-Connecting-IP", "CF-Ray", "X-Forwarded-For"]
        .compactMap { HTTPField.Name($0) }

    static func check(_ request: Request) throws {
        guard marks.allSatisfy({ request.headers[$0] == nil }) else { throw Problem.notFound }
    }
}
