//! Why a rule does not do what it is asked to. How that is answered is decided in `http`.

use layer_store::StoreError;
use layer_wire::ApiError;

/// Why a rule refuses, or cannot be carried out.
#[derive(Debug)]
pub enum Failure {
    /// A row of the error table.
    Api(ApiError),
    /// The store did not do it.
    Store(StoreError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
