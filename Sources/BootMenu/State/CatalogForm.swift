/// The fields of a catalog that shall be followed.
package struct CatalogForm: Sendable, Hashable {
    package var fields: [TextField]
    package var focus = 0
    /// What is wrong; empty while nothing is known to be.
    package var error = ""
    /// Whether the catalog is being fetched.
    package var isBusy = false

    init() {
        fields = [
            TextField(label: "Name"), TextField(label: "Address"), TextField(label: "Fingerprint (may stay empty)"),
        ]
    }

    var request: CatalogRequest {
        let texts = fields.map { String($0.text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
        return CatalogRequest(name: texts[0], url: texts[1], fingerprint: texts[2].filter { $0 != " " && $0 != ":" })
    }
}
