mod errors;
mod reference;
mod validator;
